// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTokenPlaceholders(t *testing.T) {
	t.Parallel()
	token := &Token{Issuer: "https://id.example", Subject: "alice", ID: "7", Client: "app", Scopes: []string{"read", "write"}}
	d := json.NewDecoder(strings.NewReader(`{
		"realm": {"roles": ["a", "b"]}, "https://x.example/y": true, "n": 12345678901234567, "deep": [{"a": 1}], "none": null
	}`))
	d.UseNumber()
	if err := d.Decode(&token.Claims); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		token *Token
		name  string
		want  any
		known bool
	}{
		"issuer":                  {token, "issuer", "https://id.example", true},
		"subject":                 {token, "subject", "alice", true},
		"id":                      {token, "id", "7", true},
		"client":                  {token, "client", "app", true},
		"scopes":                  {token, "scopes", "read write", true},
		"list in an object":       {token, "claims.realm.roles", "a b", true},
		"name with dots":          {token, "claims.https://x.example/y", "true", true},
		"large number":            {token, "claims.n", "12345678901234567", true},
		"object":                  {token, "claims.realm", "", true},
		"list of objects":         {token, "claims.deep", "", true},
		"null":                    {token, "claims.none", "", true},
		"absent":                  {token, "claims.x.y", "", true},
		"below what is no object": {token, "claims.n.y", "", true},
		"unknown":                 {token, "secret", nil, false},
		"no token":                {nil, "subject", "", true},
		"claim of no token":       {nil, "claims.sub", "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, known := tt.token.placeholder(tt.name); got != tt.want || known != tt.known {
				t.Errorf("placeholder(%q) = %v, %v, want %v, %v", tt.name, got, known, tt.want, tt.known)
			}
		})
	}
}

func TestTokenHasScopes(t *testing.T) {
	t.Parallel()
	token := &Token{Scopes: []string{"read", "write"}}
	for scopes, want := range map[string]bool{"": true, "read": true, "write read": true, "read admin": false, "rea": false} {
		if got := token.HasScopes(strings.Fields(scopes)); got != want {
			t.Errorf("HasScopes(%q) = %v", scopes, got)
		}
	}
}
