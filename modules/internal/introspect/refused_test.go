// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package introspect

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
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
