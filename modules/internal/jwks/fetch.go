// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// fetch asks the issuer for its keys.
func (s *Source) fetch(ctx context.Context) (*jwtverify.Set, error) {
	address := s.options.URL
	if address == "" {
		var err error
		if address, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	doc, err := s.get(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("fetch key set: %w", err)
	}
	return jwtverify.ParseSet(doc, s.options.Algorithms, false)
}

var metadata = jsonpeek.NewNames("issuer", "jwks_uri")

// discover asks the issuer's metadata for the URL of its keys. They must name the same
// issuer (OpenID Connect Discovery, section 4.3), and the URL must satisfy the same rules.
func (s *Source) discover(ctx context.Context) (string, error) {
	doc, err := s.get(ctx, strings.TrimSuffix(s.options.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", fmt.Errorf("fetch metadata of the issuer: %w", err)
	}
	var m [2][]byte
	if err := jsonpeek.Scan(doc, metadata, m[:]); err != nil {
		return "", fmt.Errorf("read metadata of the issuer: %w", err)
	}
	if issuer, _ := jsonpeek.String(m[0]); issuer != s.options.Issuer {
		return "", errors.New("the metadata are those of another issuer")
	}
	address, _ := jsonpeek.String(m[1])
	if _, err := s.options.parse(address); err != nil {
		return "", fmt.Errorf("jwks_uri: %w", err)
	}
	return address, nil
}

// get fetches one document. Its errors name no address that an answer has chosen.
func (s *Source) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // without the URL
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer has the status %d, and redirects are not followed", resp.StatusCode)
	}
	doc, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(doc) > MaxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d bytes", MaxAnswer)
	}
	return doc, nil
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
