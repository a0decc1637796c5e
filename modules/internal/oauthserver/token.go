// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// tokenType is the header typ of access tokens (RFC 9068, section 2.1).
const tokenType = "at+jwt"

// claims are those of an access token (RFC 9068, section 2.2). There is no resource owner,
// so the subject is the client.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
	Client   string `json:"client_id"`
	Scope    string `json:"scope,omitempty"`
	ID       string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// issue makes an access token.
func (s *Server) issue(ctx context.Context, client *consumers.Client, scope string) (string, error) {
	k, err := s.signing(ctx)
	if err != nil {
		return "", err
	}
	now := s.now()
	c := claims{
		Issuer: s.config.Issuer, Subject: client.ID, Client: client.ID, Scope: scope,
		ID: randomText(16), IssuedAt: now.Unix(), Expires: now.Add(s.config.Lifetime).Unix(),
	}
	if c.Audience = s.config.Audience; len(s.config.Audience) == 1 {
		c.Audience = s.config.Audience[0]
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	signed, err := k.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed.CompactSerialize()
}

// lifetime is what clients are told.
func (s *Server) lifetime() time.Duration { return s.config.Lifetime }
