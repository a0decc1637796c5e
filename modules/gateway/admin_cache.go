// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func (a *adminAPI) cache() caddy.AdminHandlerFunc {
	return a.accepting(methods{http.MethodGet, http.MethodHead, http.MethodDelete}, serveCache, cacheParams()...)
}

func serveCache(a *App, w http.ResponseWriter, r *http.Request, query url.Values) error {
	for name, values := range query {
		if slices.Contains(values, "") { // a variable without a value must not widen a purge
			return adminError(http.StatusBadRequest, "parameter %s is empty; leave it out, or give it a value", name)
		}
	}
	list, err := a.cachesFor(query.Get("cache"))
	if err != nil {
		return err
	}
	if r.Method == http.MethodDelete {
		return a.purgeCaches(w, r, query, list)
	}
	for name := range query {
		if name != "cache" {
			return adminError(http.StatusBadRequest, "parameter %s says what to purge; to read, %s takes cache alone", name, r.URL.Path)
		}
	}
	answer := cacheList{Caches: make([]cacheView, len(list))}
	for i, c := range list {
		answer.Caches[i] = c.view()
	}
	return writeAdmin(w, answer)
}

// cachesFor returns the cache of a name, or all of them.
func (a *App) cachesFor(name string) ([]*Cache, error) {
	list := a.caches.wanted()
	if name == "" {
		return list, nil
	}
	names := make([]string, len(list))
	for i, c := range list {
		if c.Name() == name {
			return []*Cache{c}, nil
		}
		names[i] = c.Name()
	}
	if len(list) == 0 {
		return nil, adminError(http.StatusNotFound, "cache %q is not in use; there is none", name)
	}
	return nil, adminError(http.StatusNotFound, "cache %q is not in use; there are: %s", name, strings.Join(names, ", "))
}

// cacheList is the answer of GET /gateway/cache.
type cacheList struct {
	Caches []cacheView `json:"caches"`
}

// cacheView are the figures of a cache. Figures about what is stored are left out where
// the store does not know them.
type cacheView struct {
	Name  string `json:"name"`
	Store string `json:"store"`
	// Entries are there now, and Bytes is what they take, of at most MaxBytes.
	Entries  *int64 `json:"entries,omitempty"`
	Bytes    *int64 `json:"bytes,omitempty"`
	MaxBytes int64  `json:"max_bytes,omitempty"`
	// What became of entries, since the cache was opened.
	Evicted uint64 `json:"evicted"`
	Expired uint64 `json:"expired"`
	Purged  uint64 `json:"purged"`
	Refused uint64 `json:"refused"`
	// Requests by what the cache did with them, and what the hits have saved, since the
	// cache was opened.
	Requests map[state.CacheStatus]uint64 `json:"requests"`
	Saved    money.Total                  `json:"saved_usd"`
	// Calls go on now that others can join.
	Calls int `json:"calls_in_flight"`
	// Error is why the cache cannot be asked.
	Error string `json:"error,omitempty"`
}

// view returns the figures of the cache as they are.
func (c *Cache) view() cacheView {
	v := cacheView{Name: c.Name(), Store: c.config.Store}
	o, err := c.get()
	if err != nil {
		v.Error, v.Requests = err.Error(), map[state.CacheStatus]uint64{}
		return v
	}
	s := o.store.Stats()
	if s.Entries >= 0 {
		v.Entries = &s.Entries
	}
	if s.Bytes >= 0 {
		v.Bytes = &s.Bytes
	}
	v.MaxBytes = s.MaxBytes
	v.Evicted, v.Expired, v.Purged, v.Refused = s.Evicted, s.Expired, s.Purged, s.Refused
	v.Requests, v.Saved = o.tally.figures()
	v.Calls = o.flights.Flights()
	if err := o.store.Err(); err != nil {
		v.Error = err.Error()
	}
	return v
}
