// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// childDir names the environment variable that makes the test binary a process which
// keeps records in a directory until it is killed.
const childDir = "TOLLGATE_TEST_RECORDS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(dir)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const writers = 4

// writeUntilKilled puts records and takes every other one, and tells on the standard
// output what it has done.
func writeUntilKilled(dir string) {
	d, err := Open(dir, Options{}, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_, lives, err := d.Get(context.Background(), "life:1")
	if err != nil {
		return
	}
	life := "first"
	if lives {
		life = "later"
	}
	if err := d.Put(context.Background(), "life:1", nil, 0); err != nil {
		return
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%s%d:%d-%d", life, w, os.Getpid(), n)
				if err := d.Put(context.Background(), key, []byte(key), 0); err != nil {
					return
				}
				say("put", key)
				if n%2 == 0 {
					continue
				}
				if _, found, err := d.Take(context.Background(), key); err != nil || !found {
					return
				}
				say("took", key)
			}
		})
	}
	all.Wait()
}

// say writes a line, which is too short to be torn.
func say(what, key string) {
	if _, err := os.Stdout.WriteString(what + " " + key + "\n"); err != nil {
		os.Exit(1)
	}
}

// TestKill kills a process that keeps records at random moments. What it has said is so.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put, took := make(map[string]bool), make(map[string]bool)
	for round := range 4 {
		killAfter(t, dir, 50+97*round, func(what, key string) {
			if what == "put" {
				put[key] = true
			} else {
				took[key] = true
			}
		})
		d := opened(t, dir, Options{})
		for key := range put {
			value, found, err := d.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if took[key] && found {
				t.Errorf("round %d: %s is back", round, key)
			}
			// What was about to be taken may be gone.
			if !took[key] && !found && strings.ContainsAny(key[len(key)-1:], "02468") {
				t.Errorf("round %d: %s is lost", round, key)
			}
			if found && string(value) != key {
				t.Errorf("round %d: %s is %q", round, key, value)
			}
		}
		mustClose(t, d)
	}
	t.Logf("%d records, %d taken", len(put), len(took))
}

// killAfter starts a process, and kills it when it has said so many lines.
func killAfter(t *testing.T, dir string, lines int, hear func(what, key string)) {
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
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		what, key, ok := strings.Cut(in.Text(), " ")
		if !ok {
			t.Errorf("it says %q", in.Text())
		}
		hear(what, key)
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the process ended by itself: %v", err)
	}
}
