// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// CacheEmbedded is the value of CacheConfig.Store for responses in memory.
const CacheEmbedded = "embedded"

// Bounds of the options.
const (
	maxCacheName  = 64
	maxCacheBytes = 1 << 50
	minCacheEntry = 1 << 10
	maxCacheEntry = 1 << 30
)

// CacheConfig is a named cache of responses, which routes may share.
type CacheConfig struct {
	// Name of the cache: up to 64 letters, digits, dots, hyphens and underscores.
	// Default: "default".
	Name string `json:"name,omitempty"`

	// Store says where responses are: "embedded" (the default), in the memory of the
	// process; or the name of the gateway's own store, such as "redis", where all
	// gateways that share it have them in common.
	Store string `json:"store,omitempty"`

	// MaxBytes bounds the memory that all responses take, with everything about them.
	// Default: 128 MiB. Only of embedded; Redis is bounded by its own settings.
	MaxBytes int64 `json:"max_bytes,omitempty"`

	// MaxEntry bounds what one response takes, in bytes. Default: an eighth of MaxBytes,
	// and 4 MiB in Redis.
	MaxEntry int64 `json:"max_entry,omitempty"`

	// OwnerShare is which part of MaxBytes the responses of one consumer may take, up to
	// 1. Default: 0.5. Only of embedded.
	OwnerShare float64 `json:"owner_share,omitempty"`

	// Compress keeps bodies compressed that become smaller by it, which makes room and
	// each hit slower. Only of embedded.
	Compress bool `json:"compress,omitempty"`
}

// cacheAt remembers where a cache stands, and its option store if it has one.
type cacheAt struct{ block, store position }

// cache reads the option of that name.
func (p *parser) cache(args []string) (options.Set, error) {
	c := CacheConfig{Name: DefaultCache}
	if len(args) > 0 {
		c.Name = args[0]
	}
	if err := checkCacheName(c.Name); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(p.app.Caches, func(o CacheConfig) bool { return o.Name == c.Name }) {
		return nil, fmt.Errorf("cache %q is declared twice", c.Name)
	}
	at := len(p.app.Caches)
	p.app.Caches = append(p.app.Caches, c)
	p.cachesAt = append(p.cachesAt, cacheAt{block: p.position(), store: p.position()})
	into := &p.app.Caches[at]
	return options.Set{
		"store": options.Func(CacheEmbedded+"|redis", func(args []string) error {
			if err := checkCacheStore(args[0]); err != nil {
				return err
			}
			into.Store = args[0]
			p.cachesAt[at].store = p.position()
			return nil
		}),
		"max_bytes": options.SizeBetween(&into.MaxBytes, cachemem.MinMaxBytes, maxCacheBytes),
		"max_entry": options.SizeBetween(&into.MaxEntry, minCacheEntry, maxCacheEntry),
		"owner_share": options.Func("<percent>%", func(args []string) (err error) {
			into.OwnerShare, err = readPercent(args[0])
			return err
		}),
		"compress": options.Flag(&into.Compress),
	}, nil
}

// checkCacheStore refuses what is no store of this build. Whether it is the store of the
// gateway is known at the end of the block.
func checkCacheStore(name string) error {
	if name == CacheEmbedded {
		return nil
	}
	if _, err := caddy.GetModule(storeNamespace + "." + name); err != nil || name == "" {
		return fmt.Errorf("there is no store %q in this build; write one of: %s", name, storeNames())
	}
	return nil
}

// readPercent reads a part of a whole.
func readPercent(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	n, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || n < 1 || n > 100 {
		return 0, fmt.Errorf("%q is no part of a whole; write whole percents from 1%% to 100%%", text)
	}
	return float64(n) / 100, nil
}

// checkCaches checks, with file and line, what a whole cache says.
func (p *parser) checkCaches() error {
	store := CacheEmbedded
	if s := p.storeName; s != "" {
		store = s
	}
	for i, c := range p.app.Caches {
		if err := c.validate(); err != nil {
			at := p.cachesAt[i].block
			return fmt.Errorf("gateway: cache %s: %w, at %s:%d", c.Name, err, at.file, at.line)
		}
		if err := c.checkStore(store); err != nil {
			at := p.cachesAt[i].store
			return fmt.Errorf("gateway: cache %s: %w, at %s:%d", c.Name, err, at.file, at.line)
		}
	}
	return nil
}

func checkCacheName(name string) error {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)
	}
	if name == "" || len(name) > maxCacheName || strings.ContainsFunc(name, func(r rune) bool { return !safe(r) }) {
		return fmt.Errorf("%q is no name of a cache; write up to %d letters, digits, dots, hyphens and underscores", name, maxCacheName)
	}
	return nil
}

// embedded reports whether the responses are in the memory of the process.
func (c *CacheConfig) embedded() bool { return c.Store == CacheEmbedded }

// validate checks values, and what belongs together.
func (c *CacheConfig) validate() error {
	var problems []error
	if c.Store != "" && !c.embedded() {
		for _, o := range []struct {
			name  string
			given bool
		}{{"max_bytes", c.MaxBytes != 0}, {"owner_share", c.OwnerShare != 0}, {"compress", c.Compress}} {
			if o.given {
				problems = append(problems, fmt.Errorf("%s has no meaning for responses in %s, whose own settings bound its memory; remove it", o.name, c.Store))
			}
		}
	}
	if c.MaxBytes != 0 && (c.MaxBytes < cachemem.MinMaxBytes || c.MaxBytes > maxCacheBytes) {
		problems = append(problems, fmt.Errorf("max_bytes is %d; write a number from %d to %d", c.MaxBytes, cachemem.MinMaxBytes, int64(maxCacheBytes)))
	}
	if c.MaxEntry != 0 && (c.MaxEntry < minCacheEntry || c.MaxEntry > maxCacheEntry) {
		problems = append(problems, fmt.Errorf("max_entry is %d; write a number from %d to %d", c.MaxEntry, minCacheEntry, maxCacheEntry))
	}
	if (c.Store == "" || c.embedded()) && c.MaxEntry > c.maxBytes() {
		problems = append(problems, fmt.Errorf("max_entry is %d, more than max_bytes, which is %d; write less", c.MaxEntry, c.maxBytes()))
	}
	if !(c.OwnerShare >= 0 && c.OwnerShare <= 1) {
		problems = append(problems, fmt.Errorf("owner_share is %g; write a part of 1, such as 0.5", c.OwnerShare))
	}
	return errors.Join(problems...)
}

// checkStore refuses a store that is not the one of the gateway.
func (c *CacheConfig) checkStore(gateways string) error {
	if c.Store == "" || c.embedded() || c.Store == gateways {
		return nil
	}
	return fmt.Errorf("store %s is the gateway's own store, which is %s; write \"store %s ...\" in the global option gateway as well, or \"store %s\" here",
		c.Store, gateways, c.Store, CacheEmbedded)
}

func (c *CacheConfig) maxBytes() int64 {
	if c.MaxBytes == 0 {
		return cachemem.DefaultMaxBytes
	}
	return c.MaxBytes
}

// normal returns c with defaults filled in, so that caches that are the same look so.
func (c CacheConfig) normal() CacheConfig {
	if c.Name == "" {
		c.Name = DefaultCache
	}
	if c.Store == "" {
		c.Store = CacheEmbedded
	}
	if c.embedded() {
		c.MaxBytes = c.maxBytes()
		if c.OwnerShare == 0 {
			c.OwnerShare = cachemem.DefaultOwnerShare
		}
	}
	return c
}

// options returns what is expected of the store.
func (c *CacheConfig) options() caching.Options {
	return caching.Options{
		Name: c.Name, MaxBytes: c.MaxBytes, MaxEntryBytes: c.MaxEntry, OwnerShare: c.OwnerShare, Compress: c.Compress,
	}
}

// loadCaches checks the caches of the config, for configs in JSON, and opens none.
func (a *App) loadCaches() error {
	a.caches.named = make(map[string]*Cache, len(a.Caches)+1)
	add := func(config CacheConfig) *Cache {
		c := &Cache{app: a, config: config}
		a.caches.all = append(a.caches.all, c)
		a.caches.named[config.Name] = c
		return c
	}
	for _, config := range a.Caches {
		config = config.normal()
		if err := checkCacheName(config.Name); err != nil {
			return err
		}
		if a.caches.named[config.Name] != nil {
			return fmt.Errorf("cache %q is declared twice", config.Name)
		}
		if err := errors.Join(config.validate(), config.checkStore(storeName(a.counters.module))); err != nil {
			return fmt.Errorf("cache %s: %w", config.Name, err)
		}
		add(config).wanted.Store(true)
	}
	if a.caches.named[DefaultCache] == nil {
		add(CacheConfig{}.normal())
	}
	return nil
}
