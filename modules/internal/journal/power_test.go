// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// maxLoss is what a power loss may cost where a sync takes at most 4 ms.
const maxLoss = 10 * time.Millisecond

// written is a record and when Append returned.
type written struct {
	record
	at time.Time
}

// TestPowerLoss cuts the power at 200 random instants. What was synced by then
// is replayed; of the rest nothing, or a random part, is on the disk.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		release bool
		parts   bool
	}{
		{name: "only what was synced survives"},
		{name: "parts of the rest survive", parts: true},
		{name: "records are applied meanwhile", release: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, uint64(len(tt.name))))
				m := newMemFS()
				m.slow = func() time.Duration { return time.Millisecond + time.Duration(r.IntN(3001))*time.Microsecond }
				start := time.Now()
				all, applied := load(t, m, r.Uint64(), tt.release)
				took := time.Since(start)
				slices.SortFunc(all, func(a, b written) int { return int(a.seq) - int(b.seq) })

				var worst time.Duration
				for range 200 {
					at := start.Add(time.Duration(r.Int64N(int64(took))))
					var extra *rand.Rand
					if tt.parts {
						extra = r
					}
					worst = max(worst, survives(t, m.cut(at, extra), all, applied(at), at))
				}
				t.Logf("%d records in %d files over %v; the oldest record lost was %v old", len(all), m.calls["create"], took, worst)
				if worst < time.Millisecond {
					t.Errorf("nothing was at risk: the oldest record lost was %v old", worst)
				}
			})
		})
	}
}

// load appends from several goroutines at a random pace for two seconds. It returns
// the records, and what had been released at an instant.
func load(t *testing.T, m *memFS, seed uint64, release bool) ([]written, func(time.Time) uint64) {
	t.Helper()
	j, _, _ := opened(t, Options{FS: m, SegmentSize: 4 << 10}, 0)
	start := time.Now()
	type released struct {
		at  time.Time
		seq uint64
	}
	var (
		mu       sync.Mutex
		all      []written
		releases []released
		parties  sync.WaitGroup
	)
	for a := range 4 {
		parties.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(a)))
			for i := 0; time.Since(start) < 2*time.Second; i++ {
				payload := fmt.Sprintf("%d.%d %0*d", a, i, r.IntN(200), 0)
				// The instant and the number belong together.
				mu.Lock()
				rec := appended(t, j, payload)
				all = append(all, written{rec, time.Now()})
				mu.Unlock()
				if r.IntN(10) > 0 {
					time.Sleep(time.Duration(r.ExpFloat64() * float64(2*time.Millisecond)))
				}
			}
		})
	}
	if release {
		parties.Go(func() {
			for time.Since(start) < 2*time.Second {
				time.Sleep(50 * time.Millisecond)
				seq := j.Last()
				releases = append(releases, released{time.Now(), seq})
				if err := j.Release(seq); err != nil {
					t.Errorf("Release() = %v", err)
				}
			}
		})
	}
	parties.Wait()
	if err := j.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	return all, func(at time.Time) uint64 {
		var seq uint64
		for _, r := range releases {
			if r.at.Before(at) {
				seq = r.seq
			}
		}
		return seq
	}
}

// survives replays what a power loss has left, and returns the age of the oldest
// record that is missing.
func survives(t *testing.T, left *memFS, all []written, after uint64, at time.Time) time.Duration {
	t.Helper()
	j, rec, got := opened(t, Options{FS: left}, after)
	if err := j.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	var oldest time.Duration
	for _, w := range all {
		if w.seq <= after || !w.at.Before(at) {
			continue
		}
		if len(got) > 0 && got[0] == w.record {
			got = got[1:]
			continue
		}
		age := at.Sub(w.at)
		oldest = max(oldest, age)
		if age > maxLoss {
			t.Errorf("power lost after %v: record %d is missing, which was %v old (%v)", at.Sub(all[0].at), w.seq, age, rec)
		}
	}
	if len(got) > 0 {
		t.Errorf("power lost after %v: record %d was replayed, which had not been written", at.Sub(all[0].at), got[0].seq)
	}
	return oldest
}

// TestGroupCommit checks that records share syncs, and that idle journals do not sync.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		j, _, _ := opened(t, Options{FS: m, SyncDelay: 5 * time.Millisecond}, 0)
		before := m.count("sync")
		for range 1000 {
			appended(t, j, "x")
		}
		time.Sleep(5*time.Millisecond - time.Nanosecond)
		synctest.Wait()
		if n := m.count("sync") - before; n != 0 || j.Synced() != 0 {
			t.Errorf("%d syncs, Synced() = %d before the delay, want none", n, j.Synced())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := m.count("sync") - before; n != 1 || j.Synced() != 1000 {
			t.Errorf("%d syncs, Synced() = %d after the delay, want one for all", n, j.Synced())
		}
		time.Sleep(time.Hour)
		if n := m.count("sync") - before; n != 1 {
			t.Errorf("%d syncs in an idle hour, want 0", n-1)
		}
		appended(t, j, "y")
		if err := j.Sync(); err != nil || j.Synced() != 1001 {
			t.Errorf("Sync() = %v, Synced() = %d, want 1001", err, j.Synced())
		}
	})
}

// TestChangeOfSegmentCostsNoTime is the worst case: a record comes first in its
// segment while the one before is being synced, and more has been written to that.
func TestChangeOfSegmentCostsNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		j, _, _ := opened(t, Options{FS: m, SegmentSize: 200}, 0)
		m.set(func() { m.slow = func() time.Duration { return 4 * time.Millisecond } })
		appended(t, j, strings.Repeat("x", 60)) // more than half a segment: a spare is made
		time.Sleep(20 * time.Millisecond)
		appended(t, j, "x")
		time.Sleep(2*time.Millisecond + time.Microsecond) // its sync has begun
		appended(t, j, strings.Repeat("y", 100))          // fills the segment
		last := appended(t, j, "z")
		synctest.Wait()
		j.mu.Lock()
		split := j.cur.last == last.seq && len(j.pending) == 1 && j.pending[0].last == last.seq-1
		j.mu.Unlock()
		if !split {
			t.Fatal("the records are not as this test wants them")
		}
		time.Sleep(8 * time.Millisecond)
		synctest.Wait()
		if j.Synced() != last.seq {
			t.Errorf("Synced() = %d after 8 ms, want %d", j.Synced(), last.seq)
		}
	})
}

// TestOpenSyncs checks that records of a killed process, which may never have been
// synced, are synced before they count as such.
func TestOpenSyncs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, want := segments(t, 1)
		for _, n := range m.names {
			n.writes, n.syncs = []write{{time.Now(), 0, slices.Clone(n.data)}}, nil
		}
		j, _, _ := opened(t, Options{FS: m}, 0)
		if j.Synced() != 3 {
			t.Errorf("Synced() = %d, want 3", j.Synced())
		}
		if _, _, got := opened(t, Options{FS: m.cut(time.Now(), nil)}, 0); !slices.Equal(got, want) {
			t.Errorf("after a power loss %v replayed, want %v", got, want)
		}
	})
}
