// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package redisstore registers the Caddy module gateway.stores.redis: counters of
// limits, the ledger and the caches of all gateways that share a Redis server, a master
// with replicas that Sentinels watch, or a Cluster.
//
// Leaving the package out of a build leaves out Redis and its client.
package redisstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
)

func init() { caddy.RegisterModule(new(Store)) }

// Defaults of the options.
const (
	defaultPrefix      = redisconn.DefaultPrefix
	defaultTimeout     = redisconn.DefaultTimeout
	defaultDialTimeout = redisconn.DefaultDialTimeout
	defaultPoolSize    = redisconn.DefaultPoolSize
)

// Bounds of the options.
const (
	minTimeout = time.Millisecond
	maxTimeout = 10 * time.Second
	maxPool    = 10_000
	minSync    = 10 * time.Millisecond
	maxSync    = time.Minute
)

// Store keeps the counters of limits in Redis 6.0 or newer (or Valkey), so that limits hold for all
// gateways together, and the usage of all of them in one ledger.
//
// All options but the numbers take global placeholders such as {env.REDIS_URL} and
// {file./run/secrets/redis}, which are resolved when the config is loaded. One without
// a value is refused.
//
// Caches of the gateway with the option "store redis" are there too, over a connection of
// their own and under the prefix and ":cache".
//
// Nothing waits for Redis longer than the timeouts. While it cannot be used, requests
// are limited by this gateway's share of the limits, and hard budgets are answered
// with 503.
type Store struct {
	// URLs of one server, or of several nodes of a Cluster or Sentinels:
	//
	//	redis://[user[:password]@]host[:port][/database]
	//	redis+sentinel://[user[:password]@]host[:port][,host[:port]...]/master[/database]
	//	unix:///path/to/socket
	//
	// and rediss:// and rediss+sentinel:// for the same over TLS. Several may stand
	// in one text with spaces between, so that one variable can hold all.
	URLs []string `json:"urls,omitempty"`

	// Master is what the Sentinels call the master, which makes redis:// URLs those of
	// Sentinels.
	Master string `json:"master,omitempty"`

	// Cluster says that the URLs are of nodes of a Cluster.
	Cluster bool `json:"cluster,omitempty"`

	// Username and Password are used instead of those of the URLs. A password that
	// stands in the config is shown by Caddy's admin endpoint; write a placeholder.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`

	// SentinelUsername and SentinelPassword are for the Sentinels, which have users of
	// their own. Default: none.
	SentinelUsername string `json:"sentinel_username,omitempty"`
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// TLS says more about connections to URLs that begin with rediss.
	TLS *TLS `json:"tls,omitempty"`

	// Prefix of all keys, so that several gateways that have nothing to do with
	// one another can use one server. Default: "tollgate".
	Prefix string `json:"prefix,omitempty"`

	// Timeout bounds how long a decision waits for Redis. Default: 25ms.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// DialTimeout bounds how long it takes to connect. Default: 50ms.
	DialTimeout caddy.Duration `json:"dial_timeout,omitempty"`

	// PoolSize is the largest number of connections to each server. Default: 64.
	PoolSize int `json:"pool_size,omitempty"`

	// Sync makes decisions in memory and exchanges counts with Redis at this
	// interval, which is faster and lets more through; see docs/stores.md for how
	// much. Hard budgets are decided in Redis all the same. Default: 0, which
	// decides everything in Redis.
	Sync caddy.Duration `json:"sync,omitempty"`

	options  redisconn.Options // with placeholders resolved
	sync     time.Duration
	servers  []string // hosts and ports
	secrets  []string // which no text may show
	identity string
}

// CaddyModule returns the Caddy module information.
func (*Store) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.stores.redis", New: func() caddy.Module { return new(Store) }}
}

// Provision resolves placeholders and checks what they stand for. It reads the files
// of the TLS options and dials nothing.
func (s *Store) Provision(ctx caddy.Context) error {
	s.setDefaults()
	if err := s.checkNumbers(); err != nil {
		return err
	}
	r, err := s.resolve(caddy.NewReplacer().ReplaceOrErr)
	if err != nil {
		return err
	}
	s.secrets, s.servers, s.sync = r.secrets(), r.servers(), r.sync
	if s.options, err = r.connection(); err != nil {
		return s.redacted(err)
	}
	if s.identity, err = r.identity(); err != nil {
		return s.redacted(err)
	}
	if s.hasLiteralPassword() {
		ctx.Logger().Warn("a password of Redis stands in the config, which Caddy's admin endpoint shows; " +
			"write a placeholder such as {env.REDIS_PASSWORD} or {file./run/secrets/redis} instead")
	}
	return nil
}

func (s *Store) setDefaults() {
	if s.Prefix == "" {
		s.Prefix = defaultPrefix
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(defaultTimeout)
	}
	if s.DialTimeout == 0 {
		s.DialTimeout = caddy.Duration(defaultDialTimeout)
	}
	if s.PoolSize == 0 {
		s.PoolSize = defaultPoolSize
	}
}

// checkNumbers refuses what the Caddyfile has refused already, for configs in JSON.
func (s *Store) checkNumbers() error {
	var problems []error
	between := func(name string, v caddy.Duration, lowest, highest time.Duration) {
		if d := time.Duration(v); d < lowest || d > highest {
			problems = append(problems, fmt.Errorf("%s is %s; write a duration from %s to %s", name, d, lowest, highest))
		}
	}
	between("timeout", s.Timeout, minTimeout, maxTimeout)
	between("dial_timeout", s.DialTimeout, minTimeout, maxTimeout)
	if s.Sync != 0 {
		between("sync", s.Sync, minSync, maxSync)
	}
	if s.PoolSize < 1 || s.PoolSize > maxPool {
		problems = append(problems, fmt.Errorf("pool_size is %d; write a number from 1 to %d", s.PoolSize, maxPool))
	}
	return errors.Join(problems...)
}

// Identity implements gateway.Store: a digest of all options, and of the files that
// they name.
func (s *Store) Identity() string { return s.identity }

// Interface guards
var (
	_ gateway.Store         = (*Store)(nil)
	_ caddy.Provisioner     = (*Store)(nil)
	_ caddyfile.Unmarshaler = (*Store)(nil)
)
