// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// TestAdmitInARow has authentications follow one another.
func TestAdmitInARow(t *testing.T) {
	t.Parallel()
	table, err := consumers.Build([]consumers.Spec{{Name: "alice"}, {Name: "bob"}, {Name: "guest"}}, consumers.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) *consumers.Credential { return table.Anonymous(name) }
	alice, bob, token := of("alice"), of("bob"), &Token{Subject: "s"}
	tests := map[string]struct {
		first, second Authentication
		anonymous     bool // the first has found nobody
		kong          bool
		refused       bool
		consumer      string
		token         *Token
	}{
		"one consumer":                      {first: Authentication{Credential: alice}, second: Authentication{Credential: alice}, consumer: "alice"},
		"two":                               {first: Authentication{Credential: alice}, second: Authentication{Credential: bob}, refused: true, consumer: "alice"},
		"two, as in Kong":                   {first: Authentication{Credential: alice}, second: Authentication{Credential: bob}, kong: true, consumer: "bob"},
		"somebody after nobody":             {anonymous: true, second: Authentication{Credential: bob}, consumer: "bob"},
		"a token of nobody after a key":     {first: Authentication{Credential: alice}, second: Authentication{Token: token}, consumer: "alice", token: token},
		"a key after a token":               {first: Authentication{Credential: alice, Token: token}, second: Authentication{Credential: alice}, consumer: "alice", token: token},
		"a key after a token of nobody":     {first: Authentication{Token: token}, second: Authentication{Credential: bob}, consumer: "bob", token: token},
		"a token after that of another":     {first: Authentication{Credential: alice}, second: Authentication{Credential: bob, Token: token}, refused: true, consumer: "alice"},
		"nobody twice, each with its token": {first: Authentication{Token: &Token{}}, second: Authentication{Token: token}, token: token},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/", nil)
			rq := &Request{KongErrors: tt.kong}
			var first error
			if tt.anonymous {
				first = rq.AdmitAnonymous(r, of("guest"))
			} else {
				first = rq.Admit(r, &tt.first)
			}
			if first != nil {
				t.Fatal(first)
			}
			err := rq.Admit(r, &tt.second)
			if d := new(Denial); errors.As(err, &d) != tt.refused || tt.refused && d.Code != "consumers_differ" {
				t.Errorf("the second is answered by %v", err)
			}
			if rq.ConsumerName() != tt.consumer || rq.Token != tt.token || rq.Anonymous {
				t.Errorf("the request is that of %q, with token %v", rq.ConsumerName(), rq.Token)
			}
			if got := r.Header.Get(HeaderConsumerName); got != tt.consumer {
				t.Errorf("the upstream is told of %q", got)
			}
		})
	}
}
