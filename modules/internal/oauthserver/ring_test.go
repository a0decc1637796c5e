// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// keyIDOf is the kid of a token.
func keyIDOf(tb testing.TB, token string) string {
	tb.Helper()
	parsed, err := jwtverify.Parse(token, jwtverify.DefaultMaxToken)
	if err != nil {
		tb.Fatal(err)
	}
	return parsed.KeyID
}

// settle waits until the next key is made, if somebody does so.
func settle(s *Server) {
	if making := s.makings.current(""); making != nil {
		<-making.done
	}
}

// published are the identifiers of the published keys.
func published(tb testing.TB, s *Server) (ids []string) {
	tb.Helper()
	w, _ := ask(tb, s, KeysEndpoint, call{})
	if w.Code != http.StatusOK {
		tb.Fatalf("status %d: %s", w.Code, w.Body)
	}
	for _, k := range decode[jose.JSONWebKeySet](tb, w).Keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

// TestRotation follows two gateways through two changes of the key. Tokens are good for
// their whole life, and every key was published before it signed.
func TestRotation(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	daily := func(c *Config) { c.Rotate = 12 * time.Hour }
	gateways := [2]*Server{newServer(t, c, store, daily), newServer(t, c, store, daily)}
	type issued struct {
		token   string
		expires time.Time
	}
	var alive []issued
	signers := map[string]time.Time{}
	known := map[string]time.Time{}
	for step := range 36 * 6 {
		s, other := gateways[step%2], gateways[(step+1)%2]
		published(t, other)
		settle(other)
		for _, id := range published(t, other) {
			if _, ok := known[id]; !ok {
				known[id] = c.Now()
			}
		}
		text := token(t, s, "")
		id := keyIDOf(t, text)
		if _, ok := signers[id]; !ok {
			signers[id] = c.Now()
			if since, ok := known[id]; !ok || len(signers) > 1 && c.Now().Sub(since) < keysMaxAge {
				t.Errorf("step %d: a key signs that was published only at %v", step, since)
			}
		}
		alive = append(alive, issued{text, c.Now().Add(time.Hour)})
		for len(alive) > 0 && !c.Now().Before(alive[0].expires) {
			alive = alive[1:]
		}
		for _, a := range alive {
			for _, s := range gateways {
				if _, err := s.Verify(t.Context(), a.token); err != nil {
					t.Fatalf("step %d: a token that is alive is refused: %v", step, err)
				}
			}
		}
		c.add(10 * time.Minute)
	}
	if len(signers) != 3 {
		t.Errorf("%d keys have signed in three times that", len(signers))
	}
	c.add(4 * 24 * time.Hour) // nobody has asked for tokens
	before := len(published(t, gateways[0]))
	text := token(t, gateways[1], "")
	if _, err := gateways[0].Verify(t.Context(), text); err != nil || before != 1 {
		t.Errorf("after a rest: %d keys, %v", before, err)
	}
}

// TestOneKeyOfMany: of gateways that start at once on one store one makes the key.
func TestOneKeyOfMany(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	var all sync.WaitGroup
	tokens := make([]string, 16)
	for i := range tokens {
		s := newServer(t, c, store)
		all.Go(func() { tokens[i] = token(t, s, "") })
	}
	all.Wait()
	last := newServer(t, c, store)
	for _, text := range tokens {
		if keyIDOf(t, text) != keyIDOf(t, tokens[0]) {
			t.Error("two keys sign")
		}
		if _, err := last.Verify(t.Context(), text); err != nil {
			t.Errorf("another gateway refuses a token: %v", err)
		}
	}
}

// TestKeysSurvive a restart, and a deleted key dies with its tokens.
func TestKeysSurvive(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	first := newServer(t, c, store)
	text := token(t, first, "")
	second := newServer(t, c, store)
	if _, err := second.Verify(t.Context(), text); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	for name := range store.all {
		if err := store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	c.add(ringAge)
	for i, s := range []*Server{first, second} {
		if _, err := s.Verify(t.Context(), text); reasonOf(err) != jwtverify.UnknownKey {
			t.Errorf("gateway %d takes a token whose key was deleted: %v", i, err)
		}
	}
}

// reasonOf is why a token was refused, 0 if it was not, or if nobody can tell.
func reasonOf(err error) jwtverify.Reason {
	if refused, ok := errors.AsType[*jwtverify.Error](err); ok {
		return refused.Reason
	}
	return 0
}

// TestUnknownKeysDoNotFloodTheStore: tokens that name keys which nobody has cost one look
// for all of them in a second.
func TestUnknownKeysDoNotFloodTheStore(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	s := newServer(t, c, store)
	text := token(t, s, "")
	c.add(ringRetry)
	before := store.count("list")
	for range 100 {
		if _, err := s.Verify(t.Context(), withHeader(t, text, `"kid":"`+randomText(8)+`"`)); reasonOf(err) != jwtverify.UnknownKey {
			t.Fatalf("error %v", err)
		}
	}
	if n := store.count("list") - before; n != 1 {
		t.Errorf("the store was asked %d times", n)
	}
	// A key that another gateway has just made is found all the same.
	other := newServer(t, c, store, func(c *Config) { c.Algorithm = EdDSA })
	text = token(t, other, "")
	c.add(ringRetry)
	if _, err := s.Verify(t.Context(), text); err != nil {
		t.Errorf("a new key of another gateway: %v", err)
	}
}

// TestStoreGone: without the store nothing is issued, believed or revoked.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	s := newServer(t, c, store)
	text := token(t, s, "")
	if _, err := s.Verify(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	store.set(true, false)
	if _, err := s.Verify(t.Context(), text); err != nil {
		t.Errorf("within the delay the answer from before is good: %v", err)
	}
	c.add(RevocationDelay)
	if _, err := s.Verify(t.Context(), text); !errors.Is(err, records.ErrUnavailable) || reasonOf(err) != 0 {
		t.Errorf("without the store Verify says %v", err)
	}
	w, outcome := ask(t, s, RevokeEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: url.Values{"token": {text}}})
	if w.Code != http.StatusServiceUnavailable || outcome.Code != "temporarily_unavailable" || outcome.Err == nil || w.Header().Get("Retry-After") == "" {
		t.Errorf("revocation: %d %+v %s", w.Code, outcome, w.Body)
	}
	c.add(ringAge)
	form := url.Values{"grant_type": {"client_credentials"}}
	for _, e := range []Endpoint{TokenEndpoint, KeysEndpoint} {
		w, outcome := ask(t, s, e, call{basic: [2]string{"batch-1", demoSecret}, form: form})
		if w.Code != http.StatusServiceUnavailable || !errors.Is(outcome.Err, records.ErrUnavailable) || strings.Contains(w.Body.String(), "records") {
			t.Errorf("%v: %d %+v %s", e, w.Code, outcome, w.Body)
		}
	}
	none := newServer(t, c, nil)
	if w, _ := ask(t, none, TokenEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: form}); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without any store: %d", w.Code)
	}
	store.set(false, true)
	if _, err := s.Verify(t.Context(), text); err != nil {
		t.Errorf("with a store that is full: %v", err)
	}
	w, _ = ask(t, s, RevokeEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: url.Values{"token": {text}}})
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("revocation in a full store: %d %s", w.Code, w.Body)
	}
	c.add(DefaultRotate - s.lead() - ringAge)
	if token(t, s, "") == "" {
		t.Error("no token while there is time for the next key")
	}
}

// TestPassphrase: with one, the store alone is no use to anybody.
func TestPassphrase(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	with := func(passphrase string) *Server {
		return newServer(t, c, store, func(c *Config) { c.Passphrase = passphrase })
	}
	text := token(t, with("demo-passphrase"), "")
	for name, r := range store.all {
		if strings.Contains(string(r.Value), "pkcs8") {
			t.Errorf("record %s is in clear", name)
		}
	}
	if _, err := with("demo-passphrase").Verify(t.Context(), text); err != nil {
		t.Errorf("another gateway with the passphrase: %v", err)
	}
	for _, passphrase := range []string{"", "another"} {
		if _, err := with(passphrase).Verify(t.Context(), text); !errors.Is(err, errSealed) {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
	// A key that somebody has planted is none.
	plain := newMemory(c)
	planted := token(t, newServer(t, c, plain), "")
	store.mu.Lock()
	maps.Copy(store.all, plain.all)
	store.mu.Unlock()
	if _, err := with("demo-passphrase").Verify(t.Context(), planted); !errors.Is(err, errSealed) {
		t.Errorf("a planted key: %v", err)
	}
	if _, err := newServer(t, c, plain).Verify(t.Context(), planted); err != nil {
		t.Errorf("the test shows nothing: %v", err)
	}
}

// TestRefusedKeys: while the store takes no key, one is made now and then, and not for each
// request, since some are costly.
func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	s := newServer(t, c, store)
	store.set(false, true)
	for range 20 {
		if w, _ := ask(t, s, KeysEndpoint, call{}); w.Code != http.StatusServiceUnavailable {
			t.Fatalf("status %d without a key", w.Code)
		}
	}
	if n := store.count("add"); n != 1 {
		t.Errorf("%d keys were made", n)
	}
	store.set(false, false)
	c.add(ringRetry)
	if got := published(t, s); len(got) != 1 {
		t.Errorf("keys %q once there is room", got)
	}
}
