// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package introspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// Answer is what the server says about a token (RFC 7662, section 2.2). It never changes.
type Answer struct {
	// Active says that the token is good. If it is not, nothing else is said.
	Active bool
	// Issuer, Subject, Client, Username and ID are iss, sub, client_id, username and jti.
	Issuer, Subject, Client, Username, ID string
	// Scopes are what the token is for.
	Scopes []string
	// Audience is for whom it is.
	Audience []string
	// Expires is when it ends, and NotBefore when it begins; zero if that is not said.
	Expires, NotBefore time.Time
	// Claims are all members, with numbers as json.Number.
	Claims map[string]any

	size int // of what was decoded, in bytes
}

// inactive is the answer about a token that is worth nothing.
var inactive = &Answer{}

// goodAt says that the answer holds at a moment: a good token may end.
func (a *Answer) goodAt(now time.Time) bool {
	return a.Expires.IsZero() || now.Before(a.Expires)
}

// For says that the token is for one of some audiences.
func (a *Answer) For(audiences []string) bool {
	return slices.ContainsFunc(a.Audience, func(s string) bool { return slices.Contains(audiences, s) })
}

// ask sends the question. Its errors hold neither token nor secret.
func (c *Client) ask(ctx context.Context, token string) (*Answer, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if c.config.Post {
		form.Set("client_id", c.config.ClientID)
		form.Set("client_secret", c.config.Secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, ErrUnavailable
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if !c.config.Post && c.config.ClientID != "" {
		r.SetBasicAuth(url.QueryEscape(c.config.ClientID), url.QueryEscape(c.config.Secret)) // RFC 6749, section 2.3.1
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	switch mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case res.StatusCode == http.StatusBadRequest:
		return nil, errToken
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", ErrAnswer, res.StatusCode)
	case mediaType != "application/json":
		return nil, fmt.Errorf("%w: it is not JSON", ErrAnswer)
	case len(body) > MaxAnswer:
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrAnswer, MaxAnswer)
	}
	a, err := parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	now := c.now()
	if a.Active && (!a.goodAt(now) || now.Before(a.NotBefore)) {
		return inactive, nil
	}
	return a, nil
}

var (
	names   = [numMembers]string{"active", "iss", "sub", "client_id", "username", "jti", "scope", "aud", "exp", "nbf", "token_type", "token_use", "typ"}
	members = jsonpeek.NewNames(names[:]...)
)

const (
	inActive = iota
	inIssuer
	inSubject
	inClient
	inUsername
	inID
	inScope
	inAudience
	inExpires
	inNotBefore
	inTokenType
	inTokenUse
	inTyp
	numMembers
)

// otherKinds are what servers call tokens that are good, and for themselves or for a client
// alone: no access tokens (RFC 7662, section 4). They say so in different members.
var otherKinds = []string{"refresh_token", "refresh", "offline", "id_token", "id"}

// parse reads an answer. A member that is read and stands there twice makes it useless,
// and so does one of a wrong type: nobody knows how others would read it.
func parse(doc []byte) (*Answer, error) {
	var raw [numMembers][]byte
	if err := jsonpeek.Scan(doc, members, raw[:]); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	switch active, ok := jsonpeek.Bool(raw[inActive]); {
	case !ok:
		return nil, fmt.Errorf("active is neither true nor false")
	case !active:
		return inactive, nil
	}
	for _, i := range [...]int{inTokenType, inTokenUse, inTyp} {
		if kind, _ := jsonpeek.String(raw[i]); slices.ContainsFunc(otherKinds, func(s string) bool { return strings.EqualFold(s, kind) }) {
			return inactive, nil
		}
	}
	a := &Answer{Active: true, size: jwtverify.DecodedSize(doc)}
	for i, into := range [...]*string{inIssuer: &a.Issuer, inSubject: &a.Subject, inClient: &a.Client, inUsername: &a.Username, inID: &a.ID} {
		if into == nil || raw[i] == nil {
			continue
		}
		var ok bool
		if *into, ok = jsonpeek.String(raw[i]); !ok {
			return nil, fmt.Errorf("%s is not a string", names[i])
		}
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&a.Claims); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	var ok bool
	if raw[inScope] != nil {
		scope, isText := jsonpeek.String(raw[inScope])
		if !isText {
			return nil, fmt.Errorf("scope is not a string")
		}
		a.Scopes = strings.Fields(scope)
	}
	if a.Audience, ok = texts(a.Claims["aud"]); !ok {
		return nil, fmt.Errorf("aud is neither a string nor a list of them")
	}
	if a.Expires, ok = moment(raw[inExpires]); !ok {
		return nil, fmt.Errorf("exp is not a number of seconds")
	}
	if a.NotBefore, ok = moment(raw[inNotBefore]); !ok {
		return nil, fmt.Errorf("nbf is not a number of seconds")
	}
	return a, nil
}

func texts(v any) ([]string, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			text, ok := e.(string)
			if !ok {
				return nil, false
			}
			list[i] = text
		}
		return list, true
	}
	return nil, false
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// moment reads seconds since the Unix epoch, whose fraction is cut off; what is absent is
// the zero time.
func moment(raw []byte) (time.Time, bool) {
	if raw == nil || jsonpeek.IsNull(raw) {
		return time.Time{}, true
	}
	whole, fraction, _ := strings.Cut(string(raw), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds < 0 || seconds > maxSeconds || strings.ContainsAny(fraction, "eE") {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}
