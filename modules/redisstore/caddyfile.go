// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"errors"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// UnmarshalCaddyfile sets up the store from the option store of the gateway:
//
//	store redis <url...> {
//		master            <name>
//		cluster
//		username          <name>
//		password          <password>
//		sentinel_username <name>
//		sentinel_password <password>
//		tls_ca            <file>
//		tls_client        <certificate_file> <key_file>
//		tls_server_name   <name>
//		prefix            <text>
//		timeout           <duration>
//		dial_timeout      <duration>
//		pool_size         <n>
//		sync              <duration>
//	}
func (s *Store) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	whole := caddyfile.NewDispenser([]caddyfile.Token{d.Token()})
	whole.Next() // so that it knows where it is
	args, err := options.Args(d, "<url...>")
	if err != nil {
		return err
	}
	s.URLs = args
	tls := new(TLS)
	err = options.Parse(d, "store redis", options.Set{
		"master":            options.String(&s.Master),
		"cluster":           options.Flag(&s.Cluster),
		"username":          options.String(&s.Username),
		"password":          options.String(&s.Password),
		"sentinel_username": options.String(&s.SentinelUsername),
		"sentinel_password": options.String(&s.SentinelPassword),
		"tls_ca":            options.String(&tls.CA),
		"tls_client":        options.Func("<certificate_file> <key_file>", tls.readClient),
		"tls_server_name":   options.String(&tls.ServerName),
		"prefix":            options.String(&s.Prefix),
		"timeout":           options.DurationBetween(&s.Timeout, minTimeout, maxTimeout),
		"dial_timeout":      options.DurationBetween(&s.DialTimeout, minTimeout, maxTimeout),
		"pool_size":         options.Int(&s.PoolSize, 1, maxPool),
		"sync":              options.DurationBetween(&s.Sync, minSync, maxSync),
	})
	if err != nil {
		return err
	}
	if *tls != (TLS{}) {
		s.TLS = tls
	}
	if err := s.checkLiterals(); err != nil {
		return whole.WrapErr(err)
	}
	return nil
}

func (t *TLS) readClient(args []string) error {
	if args[0] == "" || args[1] == "" {
		return errors.New("a file has no name")
	}
	t.ClientCertificate, t.ClientKey = args[0], args[1]
	return nil
}

// checkLiterals checks what the options say together, if no placeholder hides it. It
// reads no file: a Caddyfile may be adapted on another machine.
func (s *Store) checkLiterals() error {
	if s.hasPlaceholders() {
		return nil
	}
	c := *s
	c.setDefaults()
	r, err := c.resolve(func(text string, _, _ bool) (string, error) { return text, nil })
	if err == nil {
		r.tls = TLS{ServerName: r.tls.ServerName} // files may not be there yet
		c.secrets = r.secrets()
		_, err = r.connection()
	}
	if err != nil {
		return c.redacted(err)
	}
	return nil
}

func (s *Store) hasPlaceholders() bool {
	texts := append([]string{s.Master, s.Username, s.Password, s.SentinelUsername, s.SentinelPassword, s.Prefix}, s.URLs...)
	return strings.Contains(strings.Join(texts, " "), "{")
}

// Interface guards
var _ caddy.Module = (*Store)(nil)
