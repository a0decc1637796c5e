// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/errors"
)

// Endpoint is one of the server's endpoints.
type Endpoint uint8

const (
	// NoEndpoint is none.
	NoEndpoint Endpoint = iota
	// TokenEndpoint issues tokens (RFC 6749, section 3.2).
	TokenEndpoint
	// RevokeEndpoint revokes them (RFC 7009).
	RevokeEndpoint
	// KeysEndpoint publishes the keys that sign them (RFC 7517).
	KeysEndpoint
	// MetadataEndpoint tells of all this (RFC 8414).
	MetadataEndpoint

	numEndpoints
)

// String is what metrics call the endpoint.
func (e Endpoint) String() string {
	return [numEndpoints]string{"none", "token", "revoke", "jwks", "metadata"}[e]
}

// Posts says that the endpoint takes a form by POST, and shows nothing by GET.
func (e Endpoint) Posts() bool { return e == TokenEndpoint || e == RevokeEndpoint }

// EndpointAt returns the endpoint with a path.
func (s *Server) EndpointAt(path string) Endpoint {
	for e := TokenEndpoint; e < numEndpoints; e++ {
		if s.paths[e] == path {
			return e
		}
	}
	return NoEndpoint
}

// outcomeOK is an Outcome that is no error.
const outcomeOK = "ok"

// Outcome is what became of a request to an endpoint.
type Outcome struct {
	// Code is "ok", or a code of RFC 6749, section 5.2: of a closed set.
	Code string
	// Client is who asked, if that was found out.
	Client string
	// Err is why the server could not answer; nil if it could.
	Err error
}

// Refuse answers a request to an endpoint with invalid_request.
func Refuse(w http.ResponseWriter, description string) (Outcome, error) {
	return refuse(w, problem(errors.ErrInvalidRequest, description))
}

// Serve answers a request to an endpoint, whose method fits (see Endpoint.Posts), and whose
// body has been read and is not larger than MaxBody. The error is that of writing.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, e Endpoint, body []byte) (Outcome, error) {
	switch e {
	case TokenEndpoint, RevokeEndpoint:
		form, fault := parseForm(r, body)
		if fault != nil {
			return refuse(w, fault)
		}
		client, fault := s.authenticate(r, form)
		if fault != nil {
			return refuse(w, fault)
		}
		r = r.WithContext(context.WithValue(r.Context(), clientKey{}, client))
		serve := s.serveToken
		if e == RevokeEndpoint {
			serve = s.serveRevocation
		}
		outcome, err := serve(w, r, form)
		outcome.Client = client.ID
		return outcome, err
	case KeysEndpoint:
		return s.serveKeys(w, r)
	case MetadataEndpoint:
		return s.serveMetadata(w)
	default:
		return Outcome{Code: outcomeOK}, nil
	}
}

// serveToken has the library handle the grant. It sees the parameters that were checked
// and no others.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, form url.Values) (Outcome, error) {
	switch form.Get("grant_type") {
	case "":
		return refuse(w, problem(errors.ErrInvalidRequest, "The parameter grant_type is missing"))
	case string(oauth2.ClientCredentials):
	default:
		return refuse(w, problem(errors.ErrUnsupportedGrantType, "The only grant type is client_credentials"))
	}
	r = r.Clone(r.Context())
	r.Form, r.PostForm, r.Body = form, form, http.NoBody
	grant, request, err := s.grants.ValidationTokenRequest(r)
	if err != nil {
		return refuse(w, explain(err))
	}
	token, err := s.grants.GetAccessToken(r.Context(), grant, request)
	if err != nil {
		return refuse(w, explain(err))
	}
	return Outcome{Code: outcomeOK}, writeJSON(w, s.grants.GetTokenData(token), nil, http.StatusOK)
}

// serveKeys publishes the keys. There is always one, so that whoever asks before the first
// token finds it.
func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request) (Outcome, error) {
	if _, err := s.signing(r.Context()); err != nil {
		return refuse(w, unavailable(err))
	}
	known, err := s.current(r.Context())
	if err != nil {
		return refuse(w, unavailable(err))
	}
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(known.keys))}
	for _, k := range known.keys {
		set.Keys = append(set.Keys, k.public)
	}
	return Outcome{Code: outcomeOK}, writePublic(w, set, "application/jwk-set+json")
}

// metadata are the members of RFC 8414, section 2, that say something here.
type metadata struct {
	Issuer                 string   `json:"issuer"`
	TokenEndpoint          string   `json:"token_endpoint"`
	KeysURI                string   `json:"jwks_uri"`
	ResponseTypes          []string `json:"response_types_supported"`
	GrantTypes             []string `json:"grant_types_supported"`
	Authentications        []string `json:"token_endpoint_auth_methods_supported"`
	RevocationEndpoint     string   `json:"revocation_endpoint"`
	RevokerAuthentications []string `json:"revocation_endpoint_auth_methods_supported"`
}

func (s *Server) serveMetadata(w http.ResponseWriter) (Outcome, error) {
	methods := []string{"client_secret_basic", "client_secret_post"}
	base := s.config.Issuer + s.config.Path
	return Outcome{Code: outcomeOK}, writePublic(w, metadata{
		Issuer:                 s.config.Issuer,
		TokenEndpoint:          base + "/token",
		KeysURI:                base + "/jwks",
		ResponseTypes:          []string{},
		GrantTypes:             []string{string(oauth2.ClientCredentials)},
		Authentications:        methods,
		RevocationEndpoint:     base + "/revoke",
		RevokerAuthentications: methods,
	}, "application/json")
}

// writePublic writes what others may keep for a while.
func writePublic(w http.ResponseWriter, value any, mediaType string) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(keysMaxAge/time.Second)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(body)
	return err
}

// writeJSON writes what nobody may keep (RFC 6749, section 5.1).
func writeJSON(w http.ResponseWriter, value any, header http.Header, status int) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	h := w.Header()
	maps.Copy(h, header)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}
