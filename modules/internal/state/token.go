// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"strings"
	"time"
)

// Token is what an accepted token says of the caller: a JWT (RFC 7519), or an opaque one
// that an authorization server was asked about (RFC 7662). It never holds the token itself,
// and is not changed once it is made, since results may be remembered.
type Token struct {
	// Issuer is the claim iss, Subject sub, ID jti; empty if it has none.
	Issuer, Subject, ID string
	// Client is the claim client_id, or azp; empty if it has neither.
	Client string
	// Scopes are what the token was issued for.
	Scopes []string
	// Expires is the moment from which it is worth nothing; zero if it says none.
	Expires time.Time
	// Claims are all claims, as encoding/json decodes them with numbers as
	// json.Number.
	Claims map[string]any
}

// HasScopes says that the token was issued for all scopes.
func (t *Token) HasScopes(scopes []string) bool {
	for _, wanted := range scopes {
		found := false
		for _, s := range t.Scopes {
			found = found || s == wanted
		}
		if !found {
			return false
		}
	}
	return true
}

// Claim returns a claim by its path, whose members are separated by dots, as in
// realm_access.roles. A member whose own name holds dots is found as well, if it is of
// the first level.
func (t *Token) Claim(path string) (any, bool) {
	if v, ok := t.Claims[path]; ok {
		return v, true
	}
	members := t.Claims
	for {
		name, rest, more := strings.Cut(path, ".")
		v, ok := members[name]
		if !ok || !more {
			return v, ok
		}
		if members, ok = v.(map[string]any); !ok {
			return nil, false
		}
		path = rest
	}
}

// placeholder serves {gateway.token.*}. Lists of strings are joined by spaces; objects, and
// lists of anything else, are not shown.
func (t *Token) placeholder(name string) (any, bool) {
	claim, isClaim := strings.CutPrefix(name, "claims.")
	if t == nil {
		switch name {
		case "issuer", "subject", "id", "client", "scopes":
			return "", true
		}
		if !isClaim {
			return nil, false
		}
		return "", true
	}
	switch name {
	case "issuer":
		return t.Issuer, true
	case "subject":
		return t.Subject, true
	case "id":
		return t.ID, true
	case "client":
		return t.Client, true
	case "scopes":
		return strings.Join(t.Scopes, " "), true
	}
	if !isClaim {
		return nil, false
	}
	v, _ := t.Claim(claim)
	return ClaimText(v), true
}

// ClaimText returns the text of a claim: strings, numbers and booleans as they are, a list
// of them joined by spaces, and nothing for what is absent or has a structure.
func ClaimText(v any) string {
	switch v := v.(type) {
	case nil, map[string]any:
		return ""
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			switch e.(type) {
			case nil, map[string]any, []any:
				return ""
			}
			texts[i] = fmt.Sprint(e)
		}
		return strings.Join(texts, " ")
	default:
		return fmt.Sprint(v)
	}
}
