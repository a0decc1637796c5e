// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// way is one provider. Exactly one of own and foreign is set.
type way struct {
	name    string
	own     state.Authenticator
	foreign caddyauth.Authenticator
	basic   string // the challenge of Caddy's basic authentication, if foreign is that
}

// words are what a client is told to send, by provider.
var words = map[string]string{
	"gateway_key":    "an API key",
	"gateway_jwt":    "a JWT",
	"gateway_oauth2": "an access token",
	"http_basic":     "a user name and password",
}

func (h *Handler) wayOf(module any) (way, error) {
	w := way{name: module.(caddy.Module).CaddyModule().ID.Name()}
	switch m := module.(type) {
	case state.AuthenticatorModule:
		if w.own = m.Authenticator(); w.own == nil {
			return way{}, fmt.Errorf("provider %s is no way to authenticate", w.name)
		}
	case caddyauth.Authenticator:
		w.foreign = m
		if basic, ok := module.(*caddyauth.HTTPBasicAuth); ok {
			w.basic = `Basic realm="` + cmp.Or(basic.Realm, "restricted") + `"`
		}
	default:
		return way{}, fmt.Errorf("provider %s is %T, which authenticates nothing", w.name, module)
	}
	return w, nil
}

// denialOfNothing is what a request is refused with that shows no credential. A single
// way says so itself.
func (h *Handler) denialOfNothing() *state.Denial {
	d := &state.Denial{Status: http.StatusUnauthorized, Code: "credentials_missing", Message: "Unauthorized"}
	if h.kong {
		return d
	}
	var list []string
	for _, w := range h.ways {
		word, ok := words[w.name]
		if !ok {
			word = w.name
		}
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	joint := " or "
	if h.all {
		joint = " and "
	}
	d.Message = "No credentials found in request; send " + strings.Join(list, joint)
	return d
}

// hideBut has all ways take their credentials out of the request but done, which has. Ways
// that cannot do that without judging have nothing to hide.
func (h *Handler) hideBut(r *http.Request, rq *state.Request, done *way) error {
	for i := range h.ways {
		w := &h.ways[i]
		if w == done {
			continue
		}
		if w.basic != "" {
			if _, _, has := r.BasicAuth(); has && h.hide {
				r.Header.Del("Authorization")
			}
			continue
		}
		if hider, ok := w.own.(state.Hider); ok {
			if err := hider.Hide(r, rq); err != nil {
				return err
			}
		}
	}
	return nil
}

// challenge sets WWW-Authenticate of all ways, each line once.
func (h *Handler) challenge(header http.Header, o outcome) {
	const name = "Www-Authenticate"
	for i := range h.ways {
		switch w := &h.ways[i]; {
		case w.own != nil:
			o.challengeOf(w, header)
		case w.basic != "":
			header.Add(name, w.basic) // it says so itself only where it does not accept
		}
	}
	for _, f := range o.findings {
		if f.answer != nil && f.Verdict != state.Accepted {
			header[name] = append(slices.Clip(header[name]), f.answer.header[name]...)
		}
	}
	seen := header[name][:0:0]
	for _, line := range header[name] {
		if !slices.Contains(seen, line) {
			seen = append(seen, line)
		}
	}
	if len(seen) > 0 {
		header[name] = seen
	}
}

// challengeOf adds the challenge of one of the gateway's own ways, with what was wrong if it
// is this way that the request is refused with.
func (o *outcome) challengeOf(w *way, header http.Header) {
	if of, ok := w.own.(state.Challenger); ok && o.denial != nil {
		for i := range o.findings {
			if f := &o.findings[i]; f.way == w && f.Verdict == state.Rejected && f.Denial == o.denial {
				of.ChallengeOf(header, o.denial)
				return
			}
		}
	}
	w.own.Challenge(header)
}
