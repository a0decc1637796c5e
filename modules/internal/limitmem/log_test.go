// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// memoryLog keeps records in memory.
type memoryLog struct {
	mu      sync.Mutex
	records [][]byte
	hard    int
	refuse  error
}

func (l *memoryLog) Append(record []byte, hard, must bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil && !must {
		return l.refuse
	}
	if hard {
		l.hard++
	}
	l.records = append(l.records, bytes.Clone(record))
	return nil
}

func always(int) bool { return true }

var kept = []*limits.Rule{
	{Window: limits.Window{Length: time.Hour}, Limit: 20},
	{Unit: limits.Cost, Window: limits.Window{Length: time.Minute}, Limit: 20},
	{Unit: limits.Tokens, Window: limits.Window{Kind: limits.Fixed, Length: time.Hour}, Limit: 20},
	{Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Day}, Limit: 20},
	{Unit: limits.Cost, Window: limits.Window{Kind: limits.Bucket, Length: time.Minute}, Limit: 20},
}

// TestReplay makes random decisions with a log, while time goes on, and
// checks again and again that another store which replays the log, or loads what is
// saved, answers the same.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3, 4} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // A test.
			c := newClock()
			log := &memoryLog{}
			s := New(Options{Clock: c.now, Log: log, MaxEntries: 10_000})
			rows := map[string][]byte{}
			var open []*limits.Decision
			for step := range 3000 {
				switch n := random.IntN(100); {
				case n < 60:
					d := decisionOf(strconv.Itoa(random.IntN(5)), kept[random.IntN(len(kept)):]...)
					d.ID = limits.NewID()
					for i := range d.Checks {
						d.Checks[i].Weight = random.Int64N(6)
					}
					if mustDecide(t, s, d); !d.Denied {
						open = append(open, d)
					}
				case n < 85 && len(open) > 0:
					i := random.IntN(len(open))
					for k := range open[i].Checks {
						open[i].Checks[k].Actual = random.Int64N(8)
					}
					s.Settle(open[i])
				case n < 87:
					d := decisionOf(strconv.Itoa(random.IntN(5)), kept[random.IntN(len(kept))])
					if err := s.Reset(context.Background(), d.Checks); err != nil {
						t.Fatal(err)
					}
				case n < 98:
					c.advance(time.Duration(random.Int64N(int64(2 * time.Minute))))
				default:
					c.advance(time.Duration(random.Int64N(int64(3 * time.Hour))))
				}
				if step%300 != 299 {
					continue
				}
				for shard := range s.Shards() {
					s.Save(shard, func() {}, func(key, value []byte) {
						if value == nil {
							delete(rows, string(key))
							return
						}
						rows[string(key)] = bytes.Clone(value)
					})
				}
				replayed := New(Options{Clock: c.now, MaxEntries: 200})
				for _, r := range log.records {
					if err := replayed.Replay(r, always); err != nil {
						t.Fatalf("Replay() = %v", err)
					}
				}
				loaded := New(Options{Clock: c.now})
				for key, value := range rows {
					if err := loaded.Load([]byte(key), value); err != nil {
						t.Fatalf("Load() = %v", err)
					}
				}
				for name, again := range map[string]*Store{"replayed": replayed, "loaded": loaded} {
					if same(t, s, again, name); t.Failed() {
						t.Fatalf("at step %d", step)
					}
				}
			}
			if log.hard == 0 {
				t.Error("the log was never told of a hard limit")
			}
		})
	}
}

// TestReplaySetBack replays what was counted before and after the clock was set back
// by more and by less than a window.
func TestReplaySetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{5 * time.Second, 40 * time.Second, 2 * time.Hour, 3 * 24 * time.Hour} {
		c := newClock()
		log := &memoryLog{}
		s := New(Options{Clock: c.now, Log: log})
		for n := range int64(3) {
			d := decisionOf("0", kept...)
			for i := range d.Checks {
				d.Checks[i].Weight = 2 + n
			}
			mustDecide(t, s, d)
			if n == 0 {
				c.advance(-back)
			} else {
				c.advance(time.Second)
			}
		}
		replayed := New(Options{Clock: c.now})
		for _, r := range log.records {
			if err := replayed.Replay(r, always); err != nil {
				t.Fatal(err)
			}
		}
		same(t, s, replayed, back.String())
	}
}

// same compares what two stores say of all counters.
func same(t *testing.T, s, again *Store, name string) {
	t.Helper()
	for n := range 5 {
		want, got := decisionOf(strconv.Itoa(n), kept...), decisionOf(strconv.Itoa(n), kept...)
		if err := errors.Join(s.Look(context.Background(), want.Checks), again.Look(context.Background(), got.Checks)); err != nil {
			t.Fatal(err)
		}
		for i := range want.Checks {
			if w, g := want.Checks[i], got.Checks[i]; w.Used != g.Used || w.Frees != g.Frees {
				t.Errorf("%s: %s of %d: %d used that frees in %s, want %d in %s", name, w.Rule.ID(), n, g.Used, g.Frees, w.Used, w.Frees)
			}
		}
	}
}

// TestRefused: what the log refuses is not counted.
func TestRefused(t *testing.T) {
	t.Parallel()
	log := &memoryLog{refuse: limits.ErrUnavailable}
	s := New(Options{Clock: newClock().now, Log: log})
	d := decisionOf("someone", append(threeWindows, kept...)...)
	d.ID = limits.NewID()
	if err := s.Decide(context.Background(), d); !errors.Is(err, limits.ErrUnavailable) {
		t.Errorf("Decide() = %v, want what the log says", err)
	}
	s.Settle(d)
	if stats := s.Stats(); stats.Entries != 0 || stats.Open != 0 {
		t.Errorf("%+v after a refusal, want nothing", stats)
	}
	mustDecide(t, s, decisionOf("someone", threeWindows[0])) // of which the log is not told
}

// TestPartitions replays only what is wanted.
func TestPartitions(t *testing.T) {
	t.Parallel()
	log := &memoryLog{}
	c := newClock()
	s := New(Options{Clock: c.now, Log: log})
	d := &limits.Decision{}
	for n := range 50 {
		d.Checks = append(d.Checks, decisionOf(strconv.Itoa(n), kept[n%len(kept)]).Checks...)
	}
	mustDecide(t, s, d)
	even := func(p int) bool { return p%2 == 0 }
	again := New(Options{Clock: c.now})
	for _, r := range log.records {
		if err := again.Replay(r, even); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range d.Checks {
		want := int64(0)
		if even(int(idOf(&c.Key).partition())) { //nolint:gosec // Less than Partitions.
			want = 1
		}
		if got := usedOf(t, again, c); got != want {
			t.Errorf("%s of %s: %d used, want %d", c.Rule.ID(), c.Key.Subject, got, want)
		}
	}
}

// TestUnsaved passes rows again that could not be written.
func TestUnsaved(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: newClock().now, Log: &memoryLog{}, MaxEntries: 64})
	save := func() (rows, gone int) {
		for shard := range s.Shards() {
			var keys [][]byte
			s.Save(shard, func() {}, func(key, value []byte) {
				keys = append(keys, bytes.Clone(key))
				if value == nil {
					gone++
				}
				rows++
			})
			for _, k := range keys {
				s.Unsaved(k)
			}
		}
		return rows, gone
	}
	for n := range 64 {
		mustDecide(t, s, decisionOf(strconv.Itoa(n), kept[2]))
	}
	for range 3 {
		if rows, gone := save(); rows != 64 || gone != 0 {
			t.Errorf("%d rows, of which %d to delete; want 64 and none", rows, gone)
		}
	}
	for n := range 10 {
		mustDecide(t, s, decisionOf("more-"+strconv.Itoa(n), kept[2]))
	}
	for range 3 {
		if rows, gone := save(); rows != 64+gone || gone == 0 || gone > 10 {
			t.Errorf("%d rows, of which %d to delete; want 64 others, and up to 10", rows, gone)
		}
	}
}

// TestUnsavedIsBounded has other keys come all the time, while no row can be written.
func TestUnsavedIsBounded(t *testing.T) {
	t.Parallel()
	const most = 64
	s := New(Options{Clock: newClock().now, Log: &memoryLog{}, MaxEntries: most})
	for n := range 20 * most {
		mustDecide(t, s, decisionOf(strconv.Itoa(n), kept[2]))
		if n%most != 0 {
			continue
		}
		var keys [][]byte
		s.Save(0, func() {}, func(key, _ []byte) { keys = append(keys, bytes.Clone(key)) })
		for _, k := range keys {
			s.Unsaved(k)
		}
		if len(keys) > 2*most {
			t.Fatalf("%d rows wait after %d keys, want at most %d", len(keys), n, 2*most)
		}
	}
}

func FuzzReplay(f *testing.F) {
	log := &memoryLog{}
	c := newClock()
	s := New(Options{Clock: c.now, Log: log})
	d := decisionOf("someone", kept...)
	d.ID = limits.NewID()
	_ = s.Decide(context.Background(), d)
	d.Checks[0].Actual = 7
	s.Settle(d)
	s.Set(d.Checks)
	for _, r := range log.records {
		f.Add(r)
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, record []byte) {
		s := New(Options{Clock: c.now, MaxEntries: 10})
		err := s.Replay(record, always)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Errorf("Replay() = %v", err)
		}
		d := decisionOf("someone", kept...)
		for range 3 {
			_ = s.Decide(context.Background(), d)
			c.advance(time.Minute)
		}
	})
}

func FuzzLoad(f *testing.F) {
	c := newClock()
	s := New(Options{Clock: c.now, Log: &memoryLog{}})
	_ = s.Decide(context.Background(), decisionOf("someone", kept...))
	for shard := range s.Shards() {
		s.Save(shard, func() {}, func(key, value []byte) { f.Add(key, value) })
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := New(Options{Clock: c.now, MaxEntries: 10})
		if len(value) >= rowHead && len(key) == idSize {
			value = bytes.Clone(value)
			sum := rowSum(key, value)
			value[1], value[2], value[3], value[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		}
		if err := s.Load(key, value); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Errorf("Load() = %v", err)
		}
		_ = s.Decide(context.Background(), decisionOf("someone", kept...))
	})
}
