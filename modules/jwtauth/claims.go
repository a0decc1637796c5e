// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// maxClaimHeader is how long a claim may be that goes into a header, in bytes.
const maxClaimHeader = 1 << 10

// ClaimHeader is a header for the upstream whose value is a claim: a string, number or
// boolean, or a list of them with spaces between. A claim that is absent, structured, longer
// than 1 KiB, or holds what no header may (a line break, say) makes no header. What the
// client has sent under the name is removed in each case.
type ClaimHeader struct {
	// Header is the name of the header.
	Header string `json:"header"`

	// Claim is the path of the claim, with dots between members.
	Claim string `json:"claim"`
}

// checkClaimHeaders refuses headers that are not a token's to set.
func checkClaimHeaders(list []ClaimHeader) error {
	var names []string
	for i := range list {
		c := &list[i]
		if err := options.CheckHeader(c.Header); err != nil {
			return fmt.Errorf("header: %w", err)
		}
		canonical := http.CanonicalHeaderKey(c.Header)
		switch {
		case c.Claim == "":
			return fmt.Errorf("header %s: the claim has no name", c.Header)
		case state.IsIdentityHeader(canonical):
			return fmt.Errorf("header %s: the gateway sets headers of that name itself", c.Header)
		case canonical == "Authorization" || canonical == "Proxy-Authorization" || slices.Contains(reserved, canonical):
			return fmt.Errorf("header %s means something else", c.Header)
		case slices.Contains(names, canonical):
			return fmt.Errorf("header %s is set twice", c.Header)
		}
		c.Header = canonical
		names = append(names, canonical)
	}
	return nil
}

// retract removes what only a token may say, unless one has. A client may not name the headers
// in Connection either, by which the proxy would remove them.
func (t *Tokens) retract(h http.Header, rq *state.Request) {
	if len(t.ClaimHeaders) == 0 {
		return
	}
	for i := range t.ClaimHeaders {
		rq.RetractHeader(h, t.ClaimHeaders[i].Header)
	}
	state.ProtectHeaders(h)
}

// assert tells the upstream what the token says.
func (t *Tokens) assert(h http.Header, rq *state.Request, token *state.Token) {
	for i := range t.ClaimHeaders {
		c := &t.ClaimHeaders[i]
		v, _ := token.Claim(c.Claim)
		text := state.ClaimText(v)
		if text != "" && len(text) <= maxClaimHeader && httpguts.ValidHeaderFieldValue(text) {
			rq.AssertHeader(h, c.Header, text)
		}
	}
}
