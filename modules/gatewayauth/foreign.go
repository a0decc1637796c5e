// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"maps"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// judgeForeign asks a provider that is not the gateway's own. Such a one does not say
// whether a credential is absent or wrong: it is taken for wrong if Authorization has the
// scheme of the provider's challenge, or if the provider names whom it took it for.
func (h *Handler) judgeForeign(w *way, r *http.Request) finding {
	f := finding{way: w, answer: &answer{header: make(http.Header)}}
	user, ok, err := w.foreign.Authenticate(f.answer, r)
	switch {
	case err != nil:
		h.logger.Error("authentication provider failed", zap.String("provider", w.name), zap.Error(err))
		f.Verdict = state.Rejected
		f.Denial = &state.Denial{
			Status: http.StatusServiceUnavailable, Code: "authentication_unavailable",
			Message: "The credentials cannot be judged at the moment",
		}
	case ok:
		h.acceptForeign(&f, user)
	case user.ID != "" || len(user.Metadata) > 0 || f.answer.challenges(r):
		f.Verdict, f.Denial = state.Rejected, wrong
	default:
		f.Verdict, f.Denial = state.Missing, unauthorized
	}
	return f
}

// wrong is the denial of a credential that a foreign provider does not accept.
var wrong = &state.Denial{Status: http.StatusUnauthorized, Code: "credentials_invalid", Message: "The credentials are not valid"}

// acceptForeign decides what the user of a foreign provider is to the gateway.
func (h *Handler) acceptForeign(f *finding, user caddyauth.User) {
	f.Verdict, f.user = state.Accepted, &user
	if h.Users == UsersElsewhere {
		return
	}
	if c := h.table.Consumer(user.ID); c != nil && user.ID != "" {
		f.Credential = c.Keyless(f.way.name)
		return
	}
	if h.Users == UsersRequired {
		f.Verdict, f.user = state.Rejected, nil
		f.Denial = &state.Denial{
			Status: http.StatusUnauthorized, Code: "user_unknown", Message: "The user is not a consumer of this gateway",
		}
	}
}

// showUser sets the placeholders that Caddy's own handler sets.
func showUser(r *http.Request, user *caddyauth.User) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	const namespace = "http.auth.user."
	repl.Set(namespace+"id", user.ID)
	for name, value := range user.Metadata {
		repl.Set(namespace+name, value)
	}
}

// mostAnswer is how many bytes of the body of a provider's answer are kept; it is shown
// only with a redirection, where it is a courtesy.
const mostAnswer = 16 << 10

// answer keeps what a foreign provider writes, until it is known whether another way
// accepts the request.
type answer struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

// Write implements http.ResponseWriter. It takes everything and keeps the beginning.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, p[:min(len(p), mostAnswer-len(a.body))]...)
	return len(p), nil
}

// challenges says that the answer asks for a scheme which Authorization has.
func (a *answer) challenges(r *http.Request) bool {
	for _, line := range r.Header["Authorization"] {
		given, _, _ := strings.Cut(line, " ")
		for _, challenge := range a.header["Www-Authenticate"] {
			if wanted, _, _ := strings.Cut(challenge, " "); given != "" && strings.EqualFold(given, wanted) {
				return true
			}
		}
	}
	return false
}

// keepHeader adds what a provider has set that has accepted, such as a cookie.
func (a *answer) keepHeader(h http.Header) {
	maps.Copy(h, a.header)
}

// redirect returns the first answer by which a provider sends the client elsewhere, to log
// in there, unless a credential was wrong.
func (o *outcome) redirect() *answer {
	if o.denial != nil {
		return nil
	}
	for i := range o.findings {
		if a := o.findings[i].answer; a != nil && a.status >= 300 && a.status < 400 {
			return a
		}
	}
	return nil
}

// replay sends the answer.
func (a *answer) replay(w http.ResponseWriter) error {
	maps.Copy(w.Header(), a.header)
	w.Header().Del("Content-Length") // of a body that may have been cut
	w.WriteHeader(a.status)
	_, err := w.Write(a.body)
	return err
}

// Interface guards
var _ http.ResponseWriter = (*answer)(nil)
