// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
)

// resolved are the options with the values of their placeholders.
type resolved struct {
	urls                               []string
	master, username, password, prefix string
	sentinelUsername, sentinelPassword string
	tls                                TLS
	hasTLS                             bool
	cluster                            bool
	timeout, dialTimeout, sync         time.Duration
	pool                               int
}

// resolve replaces placeholders. The error names one that has no value.
func (s *Store) resolve(replace func(text string, errOnEmpty, errOnUnknown bool) (string, error)) (*resolved, error) {
	r := &resolved{
		cluster: s.Cluster, pool: s.PoolSize, hasTLS: s.TLS != nil,
		timeout: time.Duration(s.Timeout), dialTimeout: time.Duration(s.DialTimeout), sync: time.Duration(s.Sync),
	}
	var problems []error
	value := func(name, text string) string {
		v, err := replace(text, true, true)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		return v
	}
	for _, u := range s.URLs {
		// Several URLs may come from one variable.
		r.urls = append(r.urls, strings.Fields(value("url", u))...)
	}
	r.master, r.prefix = value("master", s.Master), value("prefix", s.Prefix)
	r.username, r.password = value("username", s.Username), value("password", s.Password)
	r.sentinelUsername, r.sentinelPassword = value("sentinel_username", s.SentinelUsername), value("sentinel_password", s.SentinelPassword)
	if s.TLS != nil {
		r.tls = TLS{
			CA: value("tls ca", s.TLS.CA), ServerName: value("tls server_name", s.TLS.ServerName),
			ClientCertificate: value("tls client_certificate", s.TLS.ClientCertificate),
			ClientKey:         value("tls client_key", s.TLS.ClientKey),
		}
	}
	return r, errors.Join(problems...)
}

// connection checks the options and returns those of a connection.
func (r *resolved) connection() (redisconn.Options, error) {
	o := redisconn.Options{
		URLs: r.urls, Master: r.master, Cluster: r.cluster, Username: r.username, Password: r.password,
		SentinelUsername: r.sentinelUsername, SentinelPassword: r.sentinelPassword,
		Prefix: r.prefix, Timeout: r.timeout, DialTimeout: r.dialTimeout, PoolSize: r.pool,
	}
	if r.hasTLS {
		config, err := r.tls.config()
		if err != nil {
			return o, err
		}
		o.TLS = config
	}
	c, err := redisconn.New(o)
	if err != nil {
		return o, err
	}
	return o, c.Close()
}

// secrets lists the passwords, in the forms in which they may appear.
func (r *resolved) secrets() []string {
	var list []string
	for _, password := range []string{r.password, r.sentinelPassword} {
		list = append(list, password, url.QueryEscape(password))
	}
	for _, text := range r.urls {
		_, rest, _ := strings.Cut(text, "://")
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			_, password, _ := strings.Cut(rest[:i], ":")
			list = append(list, password)
			if plain, err := url.PathUnescape(password); err == nil {
				list = append(list, plain)
			}
		}
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
	slices.Sort(list)
	return slices.Compact(list)
}

// servers lists the URLs without users, passwords and what follows the hosts.
func (r *resolved) servers() []string {
	list := make([]string, 0, len(r.urls))
	for _, text := range r.urls {
		scheme, rest, _ := strings.Cut(text, "://")
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			rest = rest[i+1:]
		}
		if scheme != "unix" {
			rest, _, _ = strings.Cut(rest, "/")
		}
		list = append(list, scheme+"://"+rest)
	}
	return list
}

// identity is a digest of everything that a connection depends on. TLS files count by
// their contents, so that a reload takes over new ones.
func (r *resolved) identity() (string, error) {
	var files []string
	for _, name := range []string{r.tls.CA, r.tls.ClientCertificate, r.tls.ClientKey} {
		if name == "" {
			files = append(files, "")
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read TLS file: %w", err)
		}
		files = append(files, string(text))
	}
	all, err := json.Marshal([]any{
		r.urls, r.master, r.username, r.password, r.sentinelUsername, r.sentinelPassword, r.prefix, r.cluster,
		r.timeout, r.dialTimeout, r.sync, r.pool, r.hasTLS, r.tls.ServerName, files,
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:]), nil
}

// redacted returns an error that shows no password.
func (s *Store) redacted(err error) error { return redact(err, s.secrets) }

func redact(err error, secrets []string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if text == err.Error() {
		return err
	}
	return &redactedError{text, err}
}

// redactedError is an error with another text. It is told apart as the error that it
// stands for, and never shown as that.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }

func (e *redactedError) Unwrap() error { return e.err }

// hasLiteralPassword says that a password stands in the config itself.
func (s *Store) hasLiteralPassword() bool {
	if s.Password != "" && !strings.Contains(s.Password, "{") {
		return true
	}
	return slices.ContainsFunc(s.URLs, func(text string) bool {
		_, rest, _ := strings.Cut(text, "://")
		i := strings.LastIndexByte(rest, '@')
		if i < 0 {
			return false
		}
		_, password, _ := strings.Cut(rest[:i], ":")
		return password != "" && !strings.Contains(password, "{")
	})
}
