// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package coalesce

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// kept is how many bytes a flight keeps.
func kept(l *Lead[string]) (n int64) {
	f := l.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.chunks {
		n += int64(cap(c.buf))
	}
	return n
}

// TestLargeAnswersAreNotKept goes far beyond the bound: who keeps up reads all of it, who
// does not is cut off, and nobody joins any more.
func TestLargeAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	g := Group[string]{MaxBytes: most}
	l := lead(t, &g, t.Context())
	quick, slow := follow(t, &g), follow(t, &g)
	defer quick.Leave()
	defer slow.Leave()
	l.Publish("", -1)
	piece := strings.Repeat("0123456789", 300)
	var got bytes.Buffer
	next := func(f *Follower[string]) error {
		p, err := f.Next(t.Context())
		got.Write(p)
		return err
	}
	if first, err := func() ([]byte, error) { writes(t, l, piece); return slow.Next(t.Context()) }(); string(first) != piece || err != nil {
		t.Fatal(err)
	}
	const n = 200
	for i := 1; i < n; i++ {
		writes(t, l, piece)
		for got.Len() < i*len(piece) {
			if err := next(quick); err != nil {
				t.Fatal(err)
			}
		}
		if k := kept(l); k > 2*most+maxChunk {
			t.Fatalf("%d bytes are kept, with a bound of %d", k, most)
		}
	}
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrTooSlow) {
		t.Errorf("who is far behind: %v", err)
	}
	if _, whole := l.Body(); whole {
		t.Error("the body is whole")
	}
	second := lead(t, &g, t.Context()) // too late for the first
	second.End(nil)
	l.End(nil)
	for err := error(nil); !errors.Is(err, io.EOF); {
		if err = next(quick); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if want := strings.Repeat(piece, n); got.String() != want {
		t.Errorf("read %d bytes, want %d", got.Len(), len(want))
	}
}

// TestNothingIsKeptForNobody writes a large answer without followers.
func TestNothingIsKeptForNobody(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	g := Group[string]{MaxBytes: most}
	l := lead(t, &g, t.Context())
	l.Publish("", 100*most)
	for range 100 {
		writes(t, l, strings.Repeat("x", most))
	}
	if k := kept(l); k > 0 {
		t.Errorf("%d bytes are kept", k)
	}
	l.End(nil)
	if g.Flights() != 0 {
		t.Error("it can be joined")
	}
}

// TestBodyToTheByte fills a flight to its bound and one byte beyond.
func TestBodyToTheByte(t *testing.T) {
	t.Parallel()
	const most = 10_000
	for _, size := range []int{0, 1, most - 1, most, most + 1} {
		g := Group[string]{MaxBytes: most}
		l := lead(t, &g, t.Context())
		l.Publish("", int64(size))
		text := strings.Repeat("x", size)
		for len(text) > 0 {
			n := min(len(text), 777)
			writes(t, l, text[:n])
			text = text[n:]
		}
		l.End(nil)
		pieces, whole := l.Body()
		if got := len(bytes.Join(pieces, nil)); whole != (size <= most) || whole && got != size {
			t.Errorf("%d bytes: Body() has %d, whole %t", size, got, whole)
		}
	}
}

// answer returns bytes that say which call they are of.
func answer(k Key, call uint64, size int) []byte {
	word := sha256.Sum256(binary.BigEndian.AppendUint64(k[:], call))
	return bytes.Repeat(word[:], size/len(word)+1)[:size]
}

// TestCrowd has many ask for few keys at once, with leaders that fail, refuse, go and
// panic: everybody gets one whole answer of their key, or knows that it is not.
func TestCrowd(t *testing.T) {
	t.Parallel()
	g := Group[uint64]{MaxBytes: 40_000}
	var calls, shared, alone, broken, gone atomic.Int64
	rounds := 1_500
	if testing.Short() {
		rounds = 400
	}
	// call is what a leader does, and returns whether it has an answer.
	call := func(k Key, l *Lead[uint64], r *rand.Rand) {
		defer l.End(ErrAbandoned)
		id := uint64(calls.Add(1))
		for range r.IntN(20) { // as long as an upstream takes
			runtime.Gosched()
		}
		switch r.IntN(10) {
		case 0:
			l.End(errFail)
			return
		case 1:
			l.Refuse()
			return
		case 2:
			return // as a panic does
		}
		size := r.IntN(60_000)
		l.Publish(id<<20|uint64(size), int64(size))
		for rest := answer(k, id, size); len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(5_000))
			if _, err := l.Write(rest[:n]); err != nil {
				t.Errorf("Write() error: %v", err)
			}
			rest = rest[n:]
			if l.Context().Err() != nil {
				l.End(l.Context().Err())
				return
			}
			runtime.Gosched()
		}
		l.End(nil)
	}
	// shares reads an answer.
	shares := func(ctx context.Context, k Key, f *Follower[uint64], h uint64, r *rand.Rand) {
		want := answer(k, h>>20, int(h&(1<<20-1)))
		for n := 0; ; {
			p, err := f.Next(ctx)
			if len(p) > 0 && (n+len(p) > len(want) || !bytes.Equal(p, want[n:n+len(p)])) {
				t.Error("bytes of another answer")
				return
			}
			n += len(p)
			switch {
			case errors.Is(err, io.EOF):
				if n != len(want) {
					t.Errorf("the answer ends after %d bytes of %d", n, len(want))
				}
				shared.Add(1)
				return
			case errors.Is(err, ErrTooSlow) || errors.Is(err, context.Canceled):
				broken.Add(1)
				return
			case err != nil:
				t.Errorf("Next() error: %v", err)
				return
			}
			if r.IntN(50) == 0 {
				return // its client has gone
			}
		}
	}
	var all sync.WaitGroup
	for i := range uint64(16) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(i, 1))
			for range rounds / 16 * 4 {
				k := Key{byte(r.IntN(3))}
				ctx, cancel := context.WithCancel(t.Context())
				if r.IntN(10) == 0 {
					cancel()
				}
				l, f := g.Join(ctx, k)
				for f != nil {
					h, v := f.Wait(ctx)
					if v != Again {
						switch v {
						case Shared:
							shares(ctx, k, f, h, r)
						case Alone:
							alone.Add(1)
						default:
							gone.Add(1)
						}
						f.Leave()
						break
					}
					l, f = g.Again(ctx, f)
				}
				if l != nil {
					call(k, l, r)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if g.Flights() != 0 {
		t.Errorf("%d flights are left", g.Flights())
	}
	told := fmt.Sprintf("%d calls, %d shared, %d alone, %d broken, %d gone", calls.Load(), shared.Load(), alone.Load(), broken.Load(), gone.Load())
	t.Log(told)
	if shared.Load() == 0 || alone.Load() == 0 || gone.Load() == 0 || broken.Load() == 0 {
		t.Errorf("the crowd has not met: %s", told)
	}
}

// BenchmarkAlone is what a call costs that nobody follows.
func BenchmarkAlone(b *testing.B) {
	var g Group[string]
	p := make([]byte, 1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		k := Key{byte(rand.Uint32()), byte(rand.Uint32()), byte(rand.Uint32())}
		for pb.Next() {
			l, f := g.Join(b.Context(), k)
			if f != nil {
				f.Leave()
				continue
			}
			l.Publish("", 1000)
			_, _ = l.Write(p)
			l.End(nil)
		}
	})
}

// BenchmarkFollowers is what a stream of 100 pieces costs for each of 100 followers.
func BenchmarkFollowers(b *testing.B) {
	var g Group[string]
	const followers, pieces = 100, 100
	p := make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		l, _ := g.Join(b.Context(), key)
		var all sync.WaitGroup
		for range followers {
			_, f := g.Join(b.Context(), key)
			all.Go(func() {
				defer f.Leave()
				_, _ = f.Wait(b.Context())
				for err := error(nil); err == nil; {
					_, err = f.Next(b.Context())
				}
			})
		}
		l.Publish("", -1)
		for range pieces {
			_, _ = l.Write(p)
		}
		l.End(nil)
		all.Wait()
	}
}
