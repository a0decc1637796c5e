// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-oauth2/oauth2/v4/errors"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// MaxBody is how large the body of a request to an endpoint may be, in bytes.
const MaxBody = 32 << 10

const maxParameters = 64

// problem makes an error of RFC 6749, section 5.2.
func problem(code error, description string) *errors.Response {
	return &errors.Response{Error: code, Description: description, StatusCode: errors.StatusCodes[code]}
}

// parseForm reads the parameters of a request, each of which may occur once (RFC 6749,
// section 3.2) and in the body alone.
func parseForm(r *http.Request, body []byte) (url.Values, *errors.Response) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, problem(errors.ErrInvalidRequest, "The body is not of the type application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, problem(errors.ErrInvalidRequest, "Parameters stand in the URL, where they would be logged; send them in the body")
	}
	if strings.Count(string(body), "&") >= maxParameters {
		return nil, problem(errors.ErrInvalidRequest, "There are too many parameters")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, problem(errors.ErrInvalidRequest, "The body is not a form")
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, problem(errors.ErrInvalidRequest, "A parameter occurs more than once")
		}
	}
	return form, nil
}

// authenticate finds out which client asks, by HTTP Basic or by parameters, but not by
// both (RFC 6749, section 2.3).
func (s *Server) authenticate(r *http.Request, form url.Values) (*consumers.Client, *errors.Response) {
	lines := r.Header.Values("Authorization")
	if len(lines) > 1 {
		return nil, problem(errors.ErrInvalidRequest, "The header Authorization occurs more than once")
	}
	var client *consumers.Client
	if len(lines) == 1 {
		if form.Has("client_secret") || form.Has("client_assertion") {
			return nil, problem(errors.ErrInvalidRequest, "The client authenticates in more than one way")
		}
		id, secret, ok := r.BasicAuth()
		if !ok {
			return nil, problem(errors.ErrInvalidClient, "Client authentication failed")
		}
		// The specification has both encoded as in a form; command-line tools send them
		// as they are.
		client = s.clients.CheckClient(decoded(id), decoded(secret))
		if client == nil && (decoded(id) != id || decoded(secret) != secret) {
			client = s.clients.CheckClient(id, secret)
		}
		if named := form.Get("client_id"); client != nil && named != "" && named != client.ID {
			return nil, problem(errors.ErrInvalidRequest, "The parameter client_id names another client than the header Authorization")
		}
	} else {
		client = s.clients.CheckClient(form.Get("client_id"), form.Get("client_secret"))
	}
	if client == nil {
		return nil, problem(errors.ErrInvalidClient, "Client authentication failed")
	}
	return client, nil
}

func decoded(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}
