// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jwks"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// pool keeps the keys of issuers through reloads: sources are told apart by everything that
// decides on what they fetch and how long they keep it.
var pool = caddy.NewUsagePool()

// pooled is a source in the pool.
type pooled struct {
	*jwks.Source
	host string
}

// Destruct implements caddy.Destructor.
func (p *pooled) Destruct() error {
	p.Close()
	return nil
}

// takeRemote takes a source from the pool, or puts it there.
func (t *Tokens) takeRemote(k *KeySetConfig, algorithms jwtverify.Algorithms) (*jwks.Source, error) {
	o := jwks.Options{
		URL: k.URL, Issuer: k.Discover, Algorithms: algorithms, Insecure: k.Insecure,
		Refresh: time.Duration(k.Refresh), Keep: time.Duration(k.Keep),
	}
	if k.Refresh < 0 || k.Keep < 0 {
		return nil, errors.New("refresh and keep must not be negative")
	}
	var trusted [sha256.Size]byte
	if k.CA != "" {
		pem, err := readFile(k.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("ca: the file holds no certificate")
		}
		trusted = sha256.Sum256(pem)
	}
	host := hostOf(k.URL + k.Discover)
	o.Report = func(err error) { report(host, err) }
	if err := o.Check(); err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%q %q %d %t %d %d %x", o.URL, o.Issuer, o.Algorithms, o.Insecure, o.Refresh, o.Keep, trusted)
	v, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		s, err := jwks.Open(o)
		return &pooled{s, host}, err
	})
	if err != nil {
		return nil, err
	}
	t.pooled = append(t.pooled, key)
	t.app.SetHealthChecker("token_keys", gateway.HealthFunc(health))
	return v.(*pooled).Source, nil
}

// cleanup gives back what was taken from the pool.
func (t *Tokens) cleanup() error {
	errs := make([]error, 0, len(t.pooled))
	for _, key := range t.pooled {
		_, err := pool.Delete(key)
		errs = append(errs, err)
	}
	t.pooled = nil
	return errors.Join(errs...)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// report logs how fetching goes: by the log of whatever config is running then, since keys
// outlive the one by which they were taken.
func report(host string, err error) {
	logger := caddy.Log().Named("gateway.jwt_auth")
	if err != nil {
		logger.Warn("the keys of an issuer cannot be fetched; those which are known are used meanwhile, for as long as they may be kept",
			zap.String("host", host), zap.Error(err))
		return
	}
	logger.Info("the keys of an issuer can be fetched again", zap.String("host", host))
}

// health says how the keys of issuers are.
func health(context.Context) gateway.Health {
	h := gateway.Health{Status: gateway.HealthOK, Facts: map[string]any{}}
	now := time.Now()
	pool.Range(func(_, value any) bool {
		p, ok := value.(*pooled)
		if !ok {
			return true
		}
		st := p.Status(now)
		if st.Err != nil {
			h.Status, h.Detail = gateway.HealthDegraded, "the keys of an issuer cannot be fetched"
		}
		h.Facts[p.host] = map[string]any{"keys": st.Keys, "age_seconds": int64(st.Age.Seconds()), "failing": st.Err != nil}
		return true
	})
	return h
}

// Interface guards
var _ caddy.Destructor = (*pooled)(nil)
