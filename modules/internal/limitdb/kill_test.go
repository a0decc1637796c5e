// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// childDir names the environment variable that makes the test binary a process
// which counts in a directory until it is killed.
const childDir = "TOLLGATE_TEST_COUNTERS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		countUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

const (
	workers  = 4
	reserved = 100
)

// What a worker says: a letter for what it is about to do or has done, in two
// bytes with its number.
const (
	deciding = 'd'
	decided  = 'D'
	settling = 's'
	settled  = 'S'
)

var (
	spent = &limits.Rule{Unit: limits.Cost, Window: limits.Window{Kind: limits.Fixed, Length: 366 * day}, Limit: limits.MaxCount}
	seen  = &limits.Rule{Unit: limits.Requests, Window: limits.Window{Length: 365 * day}, Limit: limits.MaxSliding}
)

// actual is what the n-th reservation of a worker comes to.
func actual(n int) int64 { return int64(n*37) % 150 }

// countUntilKilled reserves and settles, and tells on the standard output.
func countUntilKilled(dir string) {
	d, _, err := Open(Options{Dir: dir, CheckpointEvery: time.Millisecond, RetryEvery: time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			say := func(what byte) {
				if _, err := os.Stdout.Write([]byte{what, byte(w)}); err != nil { // too short to be torn
					os.Exit(1)
				}
			}
			own := fmt.Sprint("worker-", w)
			for n := 0; ; n++ {
				q := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{
					check(spent, own, reserved), check(spent, "all", reserved), check(seen, own, 1), check(seen, "all", 1),
				}}
				say(deciding)
				if err := d.Decide(context.Background(), q); err != nil || q.Denied {
					os.Exit(1)
				}
				say(decided)
				for i := range q.Checks {
					q.Checks[i].Actual = q.Checks[i].Weight
					if q.Checks[i].Rule == spent {
						q.Checks[i].Actual = actual(n)
					}
				}
				say(settling)
				d.Settle(q)
				say(settled)
			}
		})
	}
	all.Wait()
}

// tally is what a worker's counters may hold: low before what it was doing last,
// high after.
type tally struct {
	n                 int // reservations that are settled
	spent, seen       int64
	spentNow, seenNow int64 // if what it was about to do has been done
}

func (w *tally) hear(what byte) {
	w.spentNow, w.seenNow = w.spent, w.seen
	switch what {
	case deciding:
		w.spentNow, w.seenNow = w.spent+reserved, w.seen+1
	case decided:
		w.spent, w.seen = w.spent+reserved, w.seen+1
		w.spentNow, w.seenNow = w.spent, w.seen
	case settling:
		w.spentNow = w.spent - reserved + actual(w.n)
	case settled:
		w.spent += actual(w.n) - reserved
		w.spentNow = w.spent
		w.n++
	}
}

// TestKill kills a process that counts at random moments, again and again, and
// finds what it had counted: nothing is lost and nothing is counted twice.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	random := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // A test.
	dir := t.TempDir()
	var tallies [workers]tally
	for round := range rounds {
		for w := range tallies {
			tallies[w].n = 0
		}
		hearUntilKilled(t, dir, 20+random.IntN(20_000), &tallies)
		d, r := opened(t, Options{Dir: dir, CheckpointEvery: time.Hour})
		if r.Lossy() {
			t.Fatalf("round %d: Open() found %s", round, r)
		}
		var allSpent, allSeen int64
		for w := range tallies {
			own, is := fmt.Sprint("worker-", w), &tallies[w]
			gotSpent, gotSeen := used(t, d, spent, own), used(t, d, seen, own)
			if gotSpent != is.spent && gotSpent != is.spentNow {
				t.Errorf("round %d, worker %d: %d spent, want %d or %d", round, w, gotSpent, is.spent, is.spentNow)
			}
			if gotSeen != is.seen && gotSeen != is.seenNow {
				t.Errorf("round %d, worker %d: %d requests, want %d or %d", round, w, gotSeen, is.seen, is.seenNow)
			}
			*is = tally{spent: gotSpent, seen: gotSeen, spentNow: gotSpent, seenNow: gotSeen}
			allSpent += gotSpent
			allSeen += gotSeen
		}
		if got := used(t, d, spent, "all"); got != allSpent {
			t.Errorf("round %d: %d spent by all, want the sum of %d", round, got, allSpent)
		}
		if got := used(t, d, seen, "all"); got != allSeen {
			t.Errorf("round %d: %d requests of all, want the sum of %d", round, got, allSeen)
		}
		mustClose(t, d)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d requests in %d lives", tallies[0].seen+tallies[1].seen+tallies[2].seen+tallies[3].seen, rounds)
}

// hearUntilKilled starts a process, kills it when it has said so much, and hears
// what it has said until then.
func hearUntilKilled(t *testing.T, dir string, events int, tallies *[workers]tally) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self) //nolint:gosec // This very program.
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	var event [2]byte
	for n := 0; ; n++ {
		if n == events {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
		if _, err := io.ReadFull(in, event[:]); err != nil {
			break
		}
		tallies[event[1]].hear(event[0])
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the process ended by itself: %v", err)
	}
}
