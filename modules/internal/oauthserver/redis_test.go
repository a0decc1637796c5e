// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/recordredis"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// TestGatewaysOnOneRedis: they share keys and revocations, and without Redis nothing is
// issued, and nothing that nobody has just looked at is believed.
func TestGatewaysOnOneRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	c := newClock()
	gateway := func() *Server {
		conn, err := redisconn.New(redisconn.Options{URLs: []string{redis.URL()}, Prefix: "oauth", Timeout: 5 * time.Second, DialTimeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		conn.Start()
		t.Cleanup(func() { _ = conn.Close() })
		return newServer(t, c, recordredis.New(recordredis.Options{Conn: conn}))
	}
	here, there := gateway(), gateway()
	redistest.Eventually(t, "both reach Redis", func() bool {
		_, err := here.current(t.Context())
		_, also := there.current(t.Context())
		return err == nil && also == nil
	})
	text, kept := token(t, here, ""), token(t, there, "")
	if keyIDOf(t, text) != keyIDOf(t, kept) {
		t.Error("two keys sign")
	}
	c.add(ringRetry)
	for _, s := range []*Server{here, there} {
		if _, err := s.Verify(t.Context(), kept); err != nil {
			t.Errorf("a token of either gateway: %v", err)
		}
	}
	w, _ := ask(t, here, RevokeEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: url.Values{"token": {text}}})
	if w.Code != http.StatusOK {
		t.Fatalf("revocation: %d %s", w.Code, w.Body)
	}
	for i, s := range []*Server{here, there, gateway()} {
		redistest.Eventually(t, "the gateway can tell", func() bool {
			_, err := s.Verify(t.Context(), text)
			return !errors.Is(err, records.ErrUnavailable)
		})
		if _, err := s.Verify(t.Context(), text); reasonOf(err) != jwtverify.Expired {
			t.Errorf("gateway %d takes a revoked token: %v", i, err)
		}
	}
	redis.Kill()
	c.add(RevocationDelay)
	if _, err := here.Verify(t.Context(), kept); err == nil || reasonOf(err) != 0 {
		t.Errorf("without Redis Verify says %v", err)
	}
	c.add(ringAge)
	w, outcome := ask(t, there, TokenEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: url.Values{"grant_type": {"client_credentials"}}})
	if w.Code != http.StatusServiceUnavailable || outcome.Err == nil {
		t.Errorf("without Redis: %d %s", w.Code, w.Body)
	}
}
