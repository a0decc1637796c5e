// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// clock is a clock that stands until it is moved.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, time.March, 4, 5, 6, 7, 8_009_000, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// mustOpen opens counters and closes them when the test ends.
func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	d, _ := opened(t, o)
	return d
}

func opened(t testing.TB, o Options) (*DB, Recovery) {
	t.Helper()
	d, r, err := Open(o)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, r
}

func mustClose(t testing.TB, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
}

func check(r *limits.Rule, subject string, weight int64) limits.Check {
	return limits.Check{Rule: r, Key: limits.Key{Level: "quota:test/consumer", Subject: subject}, Weight: weight}
}

func decide(t testing.TB, d *DB, checks ...limits.Check) *limits.Decision {
	t.Helper()
	q := &limits.Decision{ID: limits.NewID(), Checks: checks}
	if err := d.Decide(context.Background(), q); err != nil {
		t.Fatalf("Decide() = %v", err)
	}
	return q
}

func settle(d *DB, q *limits.Decision, actual int64) {
	for i := range q.Checks {
		q.Checks[i].Actual = actual
	}
	d.Settle(q)
}

func used(t testing.TB, d *DB, r *limits.Rule, subject string) int64 {
	t.Helper()
	checks := []limits.Check{check(r, subject, 0)}
	if err := d.Look(context.Background(), checks); err != nil {
		t.Fatalf("Look() = %v", err)
	}
	return checks[0].Used
}

// crashed copies a directory as it would be found after a kill.
func crashed(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func eventually(t testing.TB, what string, fn func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !fn(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there was no %s in time", what)
		}
	}
}

var (
	day       = 24 * time.Hour
	surviving = []*limits.Rule{
		{Unit: limits.Requests, Window: limits.Window{Length: 5 * time.Minute}, Limit: 1000},
		{Unit: limits.Tokens, Window: limits.Window{Length: day}, Limit: 1000},
		{Unit: limits.Cost, Window: limits.Window{Length: time.Minute}, Limit: 1000},
		{Unit: limits.Cost, Window: limits.Window{Length: 30 * day}, Limit: 1000},
		{Unit: limits.Requests, Window: limits.Window{Kind: limits.Fixed, Length: time.Hour}, Limit: 1000},
		{Unit: limits.Cost, Window: limits.Window{Kind: limits.Fixed, Length: time.Minute}, Limit: 1000},
		{Unit: limits.Requests, Window: limits.Window{Kind: limits.Calendar, Period: limits.Day}, Limit: 1000},
		{Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}, Limit: 1000},
		{Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Minute}, Limit: 1000},
		{Unit: limits.Cost, Window: limits.Window{Kind: limits.Bucket, Length: day}, Limit: 1000},
	}
	passing = []*limits.Rule{
		{Unit: limits.Requests, Window: limits.Window{Length: 5*time.Minute - time.Millisecond}, Limit: 1000},
		{Unit: limits.Tokens, Window: limits.Window{Kind: limits.Fixed, Length: time.Minute}, Limit: 1000},
		{Unit: limits.Tokens, Window: limits.Window{Kind: limits.Calendar, Period: limits.Minute}, Limit: 1000},
		{Unit: limits.Requests, Window: limits.Window{Kind: limits.Bucket, Length: day}, Limit: 1000},
		{Unit: limits.Concurrent, Window: limits.Window{Kind: limits.Held}, Limit: 1000},
	}
	month = surviving[7]
)

// TestSurvives opens counters again, closed or killed, with what happened before the
// last checkpoint and after it.
func TestSurvives(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"closed", "killed", "killed before a checkpoint", "killed twice"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			o := Options{Dir: t.TempDir(), Clock: c.now, CheckpointEvery: time.Hour}
			d := mustOpen(t, o)
			for i, r := range slices.Concat(surviving, passing) {
				open := decide(t, d, check(r, "a", 100)) // never settled
				if i == 0 {
					c.advance(time.Microsecond)
				}
				settle(d, decide(t, d, check(r, "a", 50)), 7)
				settle(d, decide(t, d, check(r, "b", 50)), 60)
				settle(d, open, 100)
			}
			if end != "killed before a checkpoint" {
				if err := d.checkpoint(true); err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range surviving {
				decide(t, d, check(r, "a", 20))
				settle(d, decide(t, d, check(r, "c", 500)), 3)
				decide(t, d, check(r, "d", 9))
				if err := d.Reset(context.Background(), []limits.Check{check(r, "d", 0)}); err != nil {
					t.Fatal(err)
				}
				decide(t, d, check(r, "d", 1))
				if q := decide(t, d, check(r, "a", 1000), check(r, "c", 1)); !q.Denied {
					t.Errorf("%s: admitted beyond the limit", r.ID())
				}
			}
			switch end {
			case "closed":
				mustClose(t, d)
			case "killed twice":
				o.Dir = crashed(t, o.Dir)
				mustOpen(t, o)
				fallthrough
			default:
				o.Dir = crashed(t, o.Dir)
			}
			d, r := opened(t, o)
			if r.Lossy() {
				t.Errorf("Open() found %s", r)
			}
			for _, r := range surviving {
				for subject, want := range map[string]int64{"a": 127, "b": 60, "c": 3, "d": 1} {
					if got := used(t, d, r, subject); got != want {
						t.Errorf("%s of %s: %d used, want %d", r.ID(), subject, got, want)
					}
				}
			}
			for _, r := range passing {
				if got := used(t, d, r, "a"); got != 0 {
					t.Errorf("%s: %d used, want what passes soon to be gone", r.ID(), got)
				}
			}
		})
	}
}

// TestPasses checks that counters go on where they were as time passes, and are
// deleted when they hold nothing any more.
func TestPasses(t *testing.T) {
	t.Parallel()
	c := newClock()
	o := Options{Dir: t.TempDir(), Clock: c.now, CheckpointEvery: time.Hour}
	d := mustOpen(t, o)
	hour := &limits.Rule{Window: limits.Window{Length: time.Hour}, Limit: 10}
	for n := range 100 {
		decide(t, d, check(hour, fmt.Sprint(n), 4), check(month, fmt.Sprint(n), 4))
	}
	c.advance(30 * time.Minute)
	decide(t, d, check(hour, "7", 5))
	mustClose(t, d)
	d = mustOpen(t, o)
	if got := used(t, d, hour, "7"); got != 9 {
		t.Errorf("%d used, want 9", got)
	}
	c.advance(31*time.Minute + time.Second)
	if got := used(t, d, hour, "7"); got != 5 {
		t.Errorf("%d used after an hour, want 5", got)
	}
	if err := d.checkpoint(true); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Stats(); err != nil || s.Rows != 101 {
		t.Errorf("%d rows (%v), want 100 of the month and one of the hour", s.Rows, err)
	}
	mustClose(t, d)
	c.advance(40 * day)
	d, r := opened(t, o)
	if s := d.Store.Stats(); r.Counters != 0 || s.Entries != 0 {
		t.Errorf("%d counters read after all have passed, %d kept", r.Counters, s.Entries)
	}
	if err := d.checkpoint(true); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Stats(); err != nil || s.Rows != 0 {
		t.Errorf("%d rows (%v), want none", s.Rows, err)
	}
}

// TestForgotten checks that what makes place in memory does so in the database.
func TestForgotten(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), MaxEntries: 100, CheckpointEvery: time.Hour}
	d := mustOpen(t, o)
	hour := &limits.Rule{Window: limits.Window{Length: time.Hour}, Limit: 10}
	for n := range 1000 {
		decide(t, d, check(hour, fmt.Sprint(n), 1))
		if n%150 == 0 {
			if err := d.checkpoint(true); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.checkpoint(true); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Stats(); err != nil || s.Rows != s.Entries || s.Entries > 100 {
		t.Errorf("%d rows and %d counters (%v), want the same, at most 100", s.Rows, s.Entries, err)
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	if _, _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("Open() = %v, want ErrInUse", err)
	}
	mustClose(t, d)
	mustClose(t, mustOpen(t, Options{Dir: dir}))
}

func TestClosed(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, Options{Dir: t.TempDir()})
	q := decide(t, d, check(month, "a", 1))
	mustClose(t, d)
	mustClose(t, d)
	if err := d.Decide(context.Background(), q); !errors.Is(err, ErrClosed) {
		t.Errorf("Decide() = %v, want ErrClosed", err)
	}
	d.Settle(q)
	if err := d.Err(); !errors.Is(err, ErrClosed) {
		t.Errorf("Err() = %v, want ErrClosed", err)
	}
	if _, err := d.Stats(); !errors.Is(err, ErrClosed) {
		t.Errorf("Stats() = %v, want ErrClosed", err)
	}
}
