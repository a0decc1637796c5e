// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// place is one carrier.
type place struct {
	kind kind
	name string // canonical for headers
}

type kind uint8

const (
	inBearer kind = iota // Authorization
	inHeader
	inCookie
	inQuery
)

// reserved are headers that mean something else to HTTP or to Caddy.
var reserved = []string{
	"Connection", "Content-Length", "Content-Type", "Content-Encoding", "Cookie", "Host", "Keep-Alive", "Origin",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// place compiles the list of carriers, and has them hidden in logs.
func (t *Tokens) place() error {
	t.places = nil
	if t.Bearer == nil || *t.Bearer {
		t.places = append(t.places, place{inBearer, "Authorization"})
	}
	query := t.Query
	if query == nil && t.kong {
		query = []string{"jwt"}
	}
	for _, name := range t.Headers {
		if err := checkCarrierHeader(name); err != nil {
			return fmt.Errorf("headers: %w", err)
		}
		if err := t.addPlace(inHeader, http.CanonicalHeaderKey(name)); err != nil {
			return err
		}
	}
	for _, name := range t.Cookies {
		if options.CheckHeader(name) != nil { // a cookie's name is a token like a header's
			return fmt.Errorf("cookies: %q is not the name of a cookie", name)
		}
		if err := t.addPlace(inCookie, name); err != nil {
			return err
		}
	}
	for _, name := range query {
		if err := t.addPlace(inQuery, name); err != nil {
			return err
		}
	}
	if len(t.places) == 0 {
		return errors.New("no carrier is left, so every request would be refused; name a header, cookie or query parameter, or write bearer on")
	}
	var headers []string
	for _, p := range t.places {
		if p.kind == inBearer || p.kind == inHeader {
			headers = append(headers, p.name)
		}
	}
	gateway.HideInLogs(headers, query)
	return nil
}

func (t *Tokens) addPlace(k kind, name string) error {
	p := place{k, name}
	if name == "" || slices.Contains(t.places, p) {
		return fmt.Errorf("the carrier %q is listed twice or empty", name)
	}
	t.places = append(t.places, p)
	return nil
}

func checkCarrierHeader(name string) error {
	if err := options.CheckRequestHeader(name); err != nil {
		return err
	}
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case canonical == "Authorization":
		return errors.New("authorization is the option bearer")
	case slices.Contains(reserved, canonical):
		return fmt.Errorf("%s means something else and cannot carry a token", canonical)
	}
	return nil
}

// shown is what a request shows.
type shown struct {
	token   string
	n       int  // tokens, of which the first is here
	inQuery bool // one of them stood in the URL
}

// find collects the tokens of all carriers: with more than one, nobody can say which of them
// decides. With the profile kong, one that is there several times is one.
func (t *Tokens) find(r *http.Request) shown {
	var s shown
	add := func(k kind, value string) {
		s.inQuery = s.inQuery || k == inQuery && value != ""
		switch {
		case value == "" || t.kong && s.n > 0 && value == s.token:
		case s.n == 0:
			s.token, s.n = value, 1
		default:
			s.n++
		}
	}
	for _, p := range t.places {
		switch p.kind {
		case inBearer:
			for _, line := range r.Header[p.name] {
				if token, ok := bearer(line); ok {
					add(p.kind, token)
				}
			}
		case inHeader:
			for _, line := range r.Header[p.name] {
				if token, ok := bearer(line); ok {
					line = token
				}
				add(p.kind, line)
			}
		case inCookie:
			eachCookie(r.Header["Cookie"], func(name, value string) bool {
				if name == p.name {
					add(p.kind, value)
				}
				return true
			})
		case inQuery:
			eachParam(r.URL.RawQuery, func(name, value string) bool {
				if name == p.name {
					add(p.kind, value)
				}
				return true
			})
		}
	}
	return s
}

// bearer returns the token of "Bearer <token>", with the scheme in any case (RFC 9110,
// section 11.1).
func bearer(line string) (string, bool) {
	const scheme = "Bearer "
	if len(line) < len(scheme) || !strings.EqualFold(line[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimLeft(line[len(scheme):], " "), true
}

// take removes every token from the carriers, good or not, and from the address of the page
// that asks. What does not look like one may be somebody else's, such as an API key behind
// Bearer, and stays.
func (t *Tokens) take(r *http.Request) {
	if !t.hide {
		return
	}
	state.HideInReferer(r.Header, func(name, value string) bool {
		return jwtverify.LooksLikeToken(value) && slices.Contains(t.places, place{inQuery, name})
	})
	for _, p := range t.places {
		switch p.kind {
		case inBearer, inHeader:
			if slices.ContainsFunc(r.Header[p.name], holdsToken) {
				delete(r.Header, p.name)
			}
		case inCookie:
			takeCookie(r, p.name)
		case inQuery:
			takeParam(r, p.name)
		}
	}
}

// holdsToken says that a line of a header is a token, with or without a scheme before it, or
// several in one line.
func holdsToken(line string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' }), jwtverify.LooksLikeToken)
}
