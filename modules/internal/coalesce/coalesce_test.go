// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package coalesce

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

var (
	key     = Key{1}
	errFail = errors.New("upstream has failed")
)

// lead joins and has to lead.
func lead(t *testing.T, g *Group[string], ctx context.Context) *Lead[string] { //nolint:revive // t comes first in tests.
	t.Helper()
	l, f := g.Join(ctx, key)
	if l == nil || f != nil {
		t.Fatal("follows, want it to lead")
	}
	return l
}

// follow joins and has to follow.
func follow(t *testing.T, g *Group[string]) *Follower[string] {
	t.Helper()
	l, f := g.Join(t.Context(), key)
	if l != nil || f == nil {
		t.Fatal("leads, want it to follow")
	}
	return f
}

// verdict waits for what becomes of a follower.
func verdict(t *testing.T, f *Follower[string], want Verdict) {
	t.Helper()
	if _, v := f.Wait(t.Context()); v != want {
		t.Fatalf("Wait() = %v, want %v", v, want)
	}
}

// read reads an answer to its end.
func read(t *testing.T, f *Follower[string]) (string, error) {
	t.Helper()
	var b bytes.Buffer
	for {
		p, err := f.Next(t.Context())
		if err != nil {
			return b.String(), err
		}
		b.Write(p)
	}
}

// reads wants a whole answer.
func reads(t *testing.T, f *Follower[string], want string) {
	t.Helper()
	if got, err := read(t, f); got != want || !errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, %v, want %d", len(got), err, len(want))
	}
}

// writes tells bytes.
func writes(t *testing.T, l *Lead[string], text string) {
	t.Helper()
	if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("Write() = %d, %v", n, err)
	}
}

// TestFollowersShare has followers come at every moment of an answer.
func TestFollowersShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string]
		l := lead(t, &g, t.Context())
		done := make(chan struct{}, 4)
		join := func() {
			f := follow(t, &g)
			go func() {
				defer f.Leave()
				if h, v := f.Wait(t.Context()); h != "header" || v != Shared {
					t.Errorf("Wait() = %q, %v", h, v)
				}
				reads(t, f, "one two three")
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		join()
		if !l.Wanted() {
			t.Error("nobody follows")
		}
		l.Publish("header", -1)
		join()
		writes(t, l, "one ")
		join()
		writes(t, l, "two ")
		writes(t, l, "")
		writes(t, l, "three")
		join()
		l.End(nil)
		for range 4 {
			<-done
		}
		if pieces, whole := l.Body(); !whole || string(bytes.Join(pieces, nil)) != "one two three" {
			t.Errorf("Body() = %q, %t", pieces, whole)
		}
		if l.Wanted() || g.Flights() != 0 || g.Followed() != 4 {
			t.Errorf("wanted %t, %d flights, %d followed", l.Wanted(), g.Flights(), g.Followed())
		}
		lead(t, &g, t.Context()).End(nil) // the next one leads again
	})
}

// TestBytesComeAsTheyAreTold gives followers what there is, before the answer ends.
func TestBytesComeAsTheyAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string]
		l := lead(t, &g, t.Context())
		defer l.End(nil)
		f := follow(t, &g)
		defer f.Leave()
		l.Publish("", 100)
		for _, text := range []string{"a", "bc", "def"} {
			writes(t, l, text)
			if p, err := f.Next(t.Context()); string(p) != text || err != nil {
				t.Errorf("Next() = %q, %v, want %q", p, err, text)
			}
		}
	})
}

func TestOtherKeysAreStrangers(t *testing.T) {
	t.Parallel()
	var g Group[string]
	defer lead(t, &g, t.Context()).End(nil)
	l, f := g.Join(t.Context(), Key{2})
	if l == nil || f != nil {
		t.Fatal("follows the flight of another key")
	}
	l.End(nil)
}

// TestRefusedFollowersGoAlone tells them before they have read anything.
func TestRefusedFollowersGoAlone(t *testing.T) {
	t.Parallel()
	var g Group[string]
	l := lead(t, &g, t.Context())
	f := follow(t, &g)
	defer f.Leave()
	l.Refuse()
	verdict(t, f, Alone)
	next := lead(t, &g, t.Context()) // who comes later has nothing to wait for
	next.Publish("", -1)
	next.Refuse() // too late
	other := follow(t, &g)
	defer other.Leave()
	verdict(t, other, Shared)
	writes(t, l, "secret")
	l.Publish("secret", -1)
	l.End(nil)
	verdict(t, f, Alone)
	if p, err := f.Next(t.Context()); len(p) > 0 || err == nil {
		t.Errorf("Next() = %q, %v of a refused answer", p, err)
	}
	if _, whole := l.Body(); whole {
		t.Error("there is a body of a refused answer")
	}
	next.End(nil)
}

// TestFailingLeaders gives each follower a try of its own, and has nobody wait for more
// than two.
func TestFailingLeaders(t *testing.T) {
	t.Parallel()
	var g Group[string]
	l := lead(t, &g, t.Context())
	a, b, c := follow(t, &g), follow(t, &g), follow(t, &g)
	l.End(errFail)
	for _, f := range []*Follower[string]{a, b, c} {
		verdict(t, f, Again)
	}
	second, _ := g.Again(t.Context(), a)
	if second == nil {
		t.Fatal("nobody leads the second flight")
	}
	_, b2 := g.Again(t.Context(), b)
	_, c2 := g.Again(t.Context(), c)
	fresh := follow(t, &g)
	if b2 == nil || c2 == nil {
		t.Fatal("the second flight is not followed")
	}
	second.End(nil) // without a header: it has failed as well
	verdict(t, b2, Alone)
	verdict(t, c2, Alone)
	verdict(t, fresh, Again) // it has waited for one alone
	b2.Leave()
	c2.Leave()
	third, _ := g.Again(t.Context(), fresh)
	if third == nil {
		t.Fatal("nobody leads the third flight")
	}
	third.Publish("", -1)
	f := follow(t, &g)
	defer f.Leave()
	writes(t, third, "half")
	third.End(errFail)
	third.End(nil) // too late
	verdict(t, f, Shared)
	if got, err := read(t, f); got != "half" || !errors.Is(err, errFail) {
		t.Errorf("read %q, %v of an answer that broke", got, err)
	}
}

// TestTheCallGoesOnWhileSomebodyWaits ends the context of the call when nobody does.
func TestTheCallGoesOnWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	type name struct{}
	for _, tt := range []struct {
		name string
		test func(t *testing.T, g *Group[string], l *Lead[string], leave context.CancelFunc)
	}{
		{"the leader goes alone", func(t *testing.T, _ *Group[string], l *Lead[string], leave context.CancelFunc) {
			t.Helper()
			leave()
			<-l.Context().Done()
		}},
		{"a follower goes first", func(t *testing.T, g *Group[string], l *Lead[string], leave context.CancelFunc) {
			t.Helper()
			follow(t, g).Leave()
			synctest.Wait()
			if l.Context().Err() != nil {
				t.Error("the call ends though its own client waits")
			}
			leave()
			<-l.Context().Done()
		}},
		{"followers go last", func(t *testing.T, g *Group[string], l *Lead[string], leave context.CancelFunc) {
			t.Helper()
			a, b := follow(t, g), follow(t, g)
			leave()
			synctest.Wait()
			c := follow(t, g) // the call goes on, so it can be joined
			a.Leave()
			b.Leave()
			b.Leave()
			synctest.Wait()
			if l.Context().Err() != nil {
				t.Error("the call ends though somebody waits")
			}
			c.Leave()
			<-l.Context().Done()
			if cause := context.Cause(l.Context()); !errors.Is(cause, errNobody) || !errors.Is(cause, context.Canceled) {
				t.Errorf("the call ends because of %v", context.Cause(l.Context()))
			}
			other := lead(t, g, t.Context()) // nobody joins a call that is about to end
			l.End(errFail)
			follow(t, g).Leave() // it is the other's
			other.End(nil)
		}},
		{"the end", func(t *testing.T, _ *Group[string], l *Lead[string], _ context.CancelFunc) {
			t.Helper()
			l.End(nil)
			<-l.Context().Done()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, leave := context.WithCancel(context.WithValue(t.Context(), name{}, "value"))
				defer leave()
				var g Group[string]
				l := lead(t, &g, ctx)
				defer l.End(ErrAbandoned)
				if l.Context().Value(name{}) != "value" {
					t.Error("the values of the context are lost")
				}
				tt.test(t, &g, l, leave)
			})
		})
	}
}

// TestFollowersDoNotWaitForEver has their own contexts end.
func TestFollowersDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string]
		l := lead(t, &g, t.Context())
		defer l.End(nil)
		f := follow(t, &g)
		defer f.Leave()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		if _, v := f.Wait(ctx); v != Gone {
			t.Errorf("Wait() = %v", v)
		}
		l.Publish("", -1)
		ctx, cancel = context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		if _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Next() error = %v", err)
		}
	})
}
