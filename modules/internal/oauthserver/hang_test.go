// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// hanging is a store that answers nothing for as long as it hangs, whatever the context says,
// as one may behind a broken disk.
type hanging struct {
	*memory
	gate sync.Mutex
	held chan struct{} // nil while it answers
}

func (h *hanging) hang(on bool) {
	h.gate.Lock()
	defer h.gate.Unlock()
	if on {
		h.held = make(chan struct{})
		return
	}
	close(h.held)
	h.held = nil
}

func (h *hanging) await() {
	h.gate.Lock()
	held := h.held
	h.gate.Unlock()
	if held != nil {
		<-held
	}
}

func (h *hanging) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	h.await()
	return h.memory.Put(ctx, key, value, ttl)
}

func (h *hanging) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	h.await()
	return h.memory.Add(ctx, key, value, ttl)
}

func (h *hanging) Get(ctx context.Context, key string) ([]byte, bool, error) {
	h.await()
	return h.memory.Get(ctx, key)
}

func (h *hanging) List(ctx context.Context, prefix string) ([]records.Record, error) {
	h.await()
	return h.memory.List(ctx, prefix)
}

// TestHangingStore: nobody waits for a store that hangs for longer than it may, who leaves
// waits no longer at all, and when the store is back everything goes on.
func TestHangingStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		store := &hanging{memory: newMemory(c)}
		s := newServer(t, c, store)
		text := token(t, s, "")
		c.add(ringAge + RevocationDelay)
		store.hang(true)
		before := store.count("list")
		form := url.Values{"grant_type": {"client_credentials"}}
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			for _, e := range []Endpoint{TokenEndpoint, KeysEndpoint} {
				all.Go(func() {
					if w, outcome := ask(t, s, e, call{basic: [2]string{"batch-1", demoSecret}, form: form}); w.Code != http.StatusServiceUnavailable ||
						!errors.Is(outcome.Err, records.ErrUnavailable) || w.Header().Get("Retry-After") == "" {
						t.Errorf("%v: %d %+v", e, w.Code, outcome)
					}
				})
			}
			all.Go(func() {
				if _, err := s.Verify(t.Context(), text); !errors.Is(err, records.ErrUnavailable) {
					t.Errorf("Verify: %v", err)
				}
			})
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				if _, err := s.Verify(ctx, text); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 20*time.Millisecond {
					t.Errorf("who has left has waited %s: %v", time.Since(start), err)
				}
			})
		}
		all.Wait()
		if waited := time.Since(start); waited > storeTime {
			t.Errorf("requests have waited %s", waited)
		}
		store.hang(false)
		synctest.Wait()
		if n := store.count("list") - before; n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
		if _, err := s.Verify(t.Context(), text); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

// TestHangingRevocation: a revocation is not promised that the store has not taken, and is
// good when it has taken it after all.
func TestHangingRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		store := &hanging{memory: newMemory(c)}
		s := newServer(t, c, store)
		text := token(t, s, "")
		if _, err := s.Verify(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		store.hang(true)
		start := time.Now()
		w, _ := ask(t, s, RevokeEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: url.Values{"token": {text}}})
		if w.Code != http.StatusServiceUnavailable || time.Since(start) > storeTime {
			t.Errorf("revocation: %d after %s: %s", w.Code, time.Since(start), w.Body)
		}
		store.hang(false)
		synctest.Wait()
		if _, err := s.Verify(t.Context(), text); err == nil {
			t.Error("the token is good, and the store has its revocation")
		}
	})
}

// TestHangingRotation: while the store takes no new key, the one there is signs on, and nobody
// waits for the next one. When the store is back that is published.
func TestHangingRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		store := &hanging{memory: newMemory(c)}
		s := newServer(t, c, store)
		first := keyIDOf(t, token(t, s, ""))
		c.add(DefaultRotate - s.lead() - time.Second)
		token(t, s, "") // the ring is fresh
		c.add(2 * time.Second)
		store.hang(true)
		start := time.Now()
		for range 3 {
			if got, all := keyIDOf(t, token(t, s, "")), published(t, s); got != first || len(all) != 1 || time.Since(start) > 0 {
				t.Errorf("key %s of %v after %s", got, all, time.Since(start))
			}
			synctest.Wait() // the making goes on
		}
		store.hang(false)
		synctest.Wait()
		if all := published(t, s); len(all) != 2 || keyIDOf(t, token(t, s, "")) != first {
			t.Errorf("keys %v when the store is back", all)
		}
	})
}

// TestLateKey: a key that is made when its time has come already signs only when nobody keeps
// published keys any more among which it is not.
func TestLateKey(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"shortly before its time": -time.Minute, "after its time": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClock()
				s := newServer(t, c, newMemory(c))
				first := keyIDOf(t, token(t, s, ""))
				c.add(DefaultRotate + late)
				published(t, s)
				synctest.Wait()
				if n := len(published(t, s)); n != 2 {
					t.Fatalf("%d keys are published", n)
				}
				c.add(keysMaxAge)
				if got := keyIDOf(t, token(t, s, "")); got != first {
					t.Error("a key signs that others cannot know yet")
				}
				c.add(s.lead())
				if got := keyIDOf(t, token(t, s, "")); got == first {
					t.Error("the next key never signs")
				}
			})
		})
	}
}

// TestOneQuestionForOneToken: requests with one token have the store asked once, and a
// revocation that was stored meanwhile counts for all of them.
func TestOneQuestionForOneToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		store := &hanging{memory: newMemory(c)}
		s := newServer(t, c, store)
		text := token(t, s, "")
		before := store.count("get")
		store.hang(true)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := s.Verify(t.Context(), text); err == nil {
					t.Error("the token is good, and it was revoked meanwhile")
				}
			})
		}
		synctest.Wait()
		s.revoked.set(decodedID(t, text), true, c.Now(), c.Now().Add(time.Hour))
		store.hang(false)
		all.Wait()
		if n := store.count("get") - before; n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
	})
}

func decodedID(t *testing.T, text string) string {
	t.Helper()
	parsed, err := jwtverify.Parse(text, jwtverify.DefaultMaxToken)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Text("jti")
}

// panicking is a store that does not survive a question.
type panicking struct{ *memory }

func (panicking) List(context.Context, string) ([]records.Record, error) { panic("demo-panic") }

// TestPanickingStore: whatever a store does, the process goes on, and the log says what it did.
func TestPanickingStore(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newServer(t, c, panicking{newMemory(c)})
	for range 2 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth2/jwks", strings.NewReader(""))
		w := httptest.NewRecorder()
		if outcome, err := s.Serve(w, r, KeysEndpoint, nil); err != nil || w.Code != http.StatusServiceUnavailable || !errors.Is(outcome.Err, errPanic) {
			t.Errorf("%d %+v, %v", w.Code, outcome, err)
		} else if said := outcome.Err.Error(); !strings.Contains(said, "demo-panic") || !strings.Contains(said, "panicking.List") {
			t.Errorf("the log does not learn what has happened where: %s", said)
		} else if strings.Contains(w.Body.String(), "panic") {
			t.Errorf("the client learns %s", w.Body)
		}
	}
}
