// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package introspect

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRefusedTokensAreNoFailures: a server that takes the question about a token for a bad one
// is not left alone for it, so that who sends such tokens shuts nobody else out.
func TestRefusedTokensAreNoFailures(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("token") != token {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		says(`{"active":true}`)(w, r)
	})
	c := newClient(t, a, newClock())
	for i := range 5 * restAfter {
		if _, _, err := c.Ask(t.Context(), fmt.Sprint("demo-odd-token-", i)); !errors.Is(err, ErrAnswer) {
			t.Fatalf("error %v", err)
		}
	}
	if answer, _, err := c.Ask(t.Context(), token); err != nil || !answer.Active {
		t.Errorf("another token: %+v, %v", answer, err)
	}
}

// TestRefusedTokensAreRemembered: a token for which the server takes the question for a bad one
// is not asked about again for the time of other bad tokens, and no longer.
func TestRefusedTokensAreRemembered(t *testing.T) {
	t.Parallel()
	refuses := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }
	for _, tt := range []struct {
		name     string
		negative time.Duration
		stale    time.Duration
		asked    int32 // of three questions at once
	}{
		{"never good", 0, 0, 1},
		{"good before", 0, MaxStale, 1},
		{"nothing is remembered", -1, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			a := newAuthority(t, says(`{"active":true}`))
			c := newClient(t, a, now, func(c *Config) { c.Negative, c.Stale = tt.negative, tt.stale })
			if tt.stale > 0 {
				if _, _, err := c.Ask(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				now.add(DefaultCache)
			}
			a.set(refuses)
			before := a.asked.Load()
			for range 3 {
				answer, source, err := c.Ask(t.Context(), token)
				if tt.stale > 0 && (err != nil || !answer.Active || source != Stale) {
					t.Errorf("answer %+v %v, error %v", answer, source, err)
				}
				if tt.stale == 0 && !errors.Is(err, ErrAnswer) {
					t.Errorf("answer %+v, error %v", answer, err)
				}
			}
			if n := a.asked.Load() - before; n != tt.asked {
				t.Errorf("the server was asked %d times", n)
			}
			a.set(says(`{"active":true}`))
			if answer, _, err := c.Ask(t.Context(), "demo-other"); err != nil || !answer.Active {
				t.Errorf("another token: %+v, %v", answer, err)
			}
			now.add(DefaultNegative)
			if answer, source, err := c.Ask(t.Context(), token); err != nil || !answer.Active || source != Asked {
				t.Errorf("later: %+v %v, %v", answer, source, err)
			}
		})
	}
}

// TestRefusalsAreBounded: whoever sends many such tokens fills no memory.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	c := newClient(t, newAuthority(t, says(`{}`)), newClock())
	for i := range 3 * cacheBytes / overhead {
		c.refuse(digest{byte(i), byte(i >> 8), byte(i >> 16)}, c.now())
	}
	if n := c.refused.bytes(); n == 0 || n > cacheBytes {
		t.Errorf("refusals take %d bytes", n)
	}
}

// TestDenseAnswers: answers with many small members count for what they take in memory.
func TestDenseAnswers(t *testing.T) {
	t.Parallel()
	doc := `{"active":true,"x":[` + strings.Repeat(`{"a":1},`, 5000) + `{}]}`
	a, err := parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := new(cache)
	for i := range 200 {
		c.put(digest{byte(i)}, entry{answer: a})
	}
	if n := len(c.young) + len(c.old); n > cacheBytes/(350*5000) {
		t.Errorf("%d answers are remembered, each of which takes two megabytes", n)
	}
}
