// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Defaults of Options.
const (
	DefaultPrefix      = "tollgate"
	DefaultDialTimeout = 50 * time.Millisecond
	DefaultTimeout     = 25 * time.Millisecond
	DefaultPoolSize    = 64
)

const (
	maxTimeout  = 10 * time.Second
	maxPoolSize = 10_000
	maxName     = 128 // bytes of a prefix or an instance
)

// Options say where Redis is and how long to wait for it.
type Options struct {
	// URLs is one of
	//
	//	redis://[user[:password]@]host[:port][/database]   one server
	//	rediss://...                                       the same over TLS
	//	unix:///path/to/socket[?db=database]               the same over a socket
	//	redis+sentinel://[user[:password]@]host[:port][,host[:port]...]/master[/database]
	//	rediss+sentinel://...                              Sentinels, all over TLS
	//
	// or several of redis:// or rediss://, which are nodes of a Cluster if Cluster is
	// set, or Sentinels if Master is. Users and passwords are those of the data
	// servers, the same in all URLs, with special characters percent-encoded. Ports
	// are 6379 by default, and 26379 of Sentinels.
	URLs []string
	// Master is what the Sentinels call the master.
	Master string
	// Cluster tells that the servers form a Redis Cluster.
	Cluster bool
	// Username and Password, if not empty, stand for those in the URLs.
	Username, Password string
	// SentinelUsername and SentinelPassword are for the Sentinels, which have users
	// of their own.
	SentinelUsername, SentinelPassword string
	// TLS configures connections to rediss:// servers, by default to trust the
	// system's authorities. The server's name is that of the URL unless given.
	TLS *tls.Config
	// Prefix is what all keys begin with, by default "tollgate". Gateways that share
	// limits have the same.
	Prefix string
	// DialTimeout is for connecting, by default 50 ms.
	DialTimeout time.Duration
	// Timeout is for each operation, by default 25 ms.
	Timeout time.Duration
	// PoolSize bounds the connections to each server, by default 64.
	PoolSize int
	// Instance tells this gateway from all others, by default a random text.
	Instance string
	// OnChange is told once when it is known whether Redis can be used, and then at
	// each change, one call at a time. It must not call Close.
	OnChange func(up bool, err error)
}

// withDefaults returns o with the defaults filled in.
func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = DefaultDialTimeout
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.PoolSize == 0 {
		o.PoolSize = DefaultPoolSize
	}
	if o.Instance == "" {
		o.Instance = strings.ToLower(rand.Text())
	}
	if o.OnChange == nil {
		o.OnChange = func(bool, error) {}
	}
	return o
}

// check returns an error about what is not in URLs.
func (o *Options) check() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"timeout", o.Timeout}, {"dial timeout", o.DialTimeout}} {
		if d.value < time.Millisecond || d.value > maxTimeout {
			return fmt.Errorf("%s is %v; write one from 1ms to %v", d.name, d.value, maxTimeout)
		}
	}
	if o.PoolSize < 1 || o.PoolSize > maxPoolSize {
		return fmt.Errorf("pool size is %d; write one from 1 to %d", o.PoolSize, maxPoolSize)
	}
	if len(o.Prefix) > maxName || strings.ContainsFunc(o.Prefix, strange) {
		return fmt.Errorf("prefix %q cannot begin a key; write up to %d letters, digits and punctuation without braces", o.Prefix, maxName)
	}
	if len(o.Instance) > maxName {
		return fmt.Errorf("instance has %d bytes; write at most %d", len(o.Instance), maxName)
	}
	if o.Cluster && o.Master != "" {
		return errors.New("a Cluster has several masters and no Sentinels; write either cluster or master")
	}
	return nil
}

// strange tells characters that do not belong in a prefix. What is in braces says
// where in a Cluster a key is.
func strange(r rune) bool {
	return r == '{' || r == '}' || unicode.IsSpace(r) || !unicode.IsPrint(r)
}
