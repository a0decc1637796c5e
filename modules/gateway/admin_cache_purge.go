// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// cacheTagParams are the parameters of a purge that stand for a tag.
var cacheTagParams = []struct{ name, prefix string }{
	{"consumer", CacheTagConsumer},
	{"provider", CacheTagProvider},
	{"model", CacheTagModel},
	{"route", CacheTagRoute},
	{"tag", CacheTagOwn},
	{"host", CacheTagHost},
	{"path", CacheTagPath},
}

// cacheParams are those of /gateway/cache.
func cacheParams() []string {
	params := append(make([]string, 0, 3+len(cacheTagParams)), "cache", "key", "all")
	for _, p := range cacheTagParams {
		name := p.name
		if name == "tag" {
			name += repeats
		}
		params = append(params, name)
	}
	return params
}

// cachePurge is the answer of DELETE /gateway/cache.
type cachePurge struct {
	Purged []purgedCache `json:"purged"`
}

// purgedCache is a cache of which entries were forgotten.
type purgedCache struct {
	Cache string `json:"cache"`
	// Entries is how many; left out where the store does not count.
	Entries *int64 `json:"entries,omitempty"`
}

// purgeQuery says what is to be forgotten.
type purgeQuery struct {
	key  *caching.Key // one entry
	tags []string     // those that have all of these, or all entries
}

// readPurge reads what is to be forgotten. That it is everything has to be said.
func readPurge(query url.Values) (q purgeQuery, err error) {
	for _, p := range cacheTagParams {
		for _, value := range query[p.name] {
			if p.prefix == CacheTagHost {
				value = strings.ToLower(value)
			}
			q.tags = append(q.tags, p.prefix+value)
		}
	}
	if err := caching.CheckTags(q.tags); err != nil || len(q.tags) > caching.MaxTags {
		return q, adminError(http.StatusBadRequest, "at most %d values of at most %d bytes, with their names, can be asked for", caching.MaxTags, caching.MaxTagBytes)
	}
	all, hasKey := query.Has("all"), query.Has("key")
	switch {
	case all && query.Get("all") != "true":
		return q, adminError(http.StatusBadRequest, "all is %q; write all=true, or leave it out", query.Get("all"))
	case !all && !hasKey && len(q.tags) == 0:
		names := append(make([]string, 0, 1+len(cacheTagParams)), "key")
		for _, p := range cacheTagParams {
			names = append(names, p.name)
		}
		return q, adminError(http.StatusBadRequest, "say what to purge by %s, or all=true", strings.Join(names, ", "))
	case all && (hasKey || len(q.tags) > 0):
		return q, adminError(http.StatusBadRequest, "all=true purges more than the other parameters say; leave out one or the other")
	case hasKey && len(q.tags) > 0:
		return q, adminError(http.StatusBadRequest, "a key stands for one entry; leave out the other parameters")
	case hasKey:
		raw, err := hex.DecodeString(query.Get("key"))
		if err != nil || len(raw) != len(caching.Key{}) {
			return q, adminError(http.StatusBadRequest, "key is %q; write the 64 hexadecimal digits of X-Cache-Key or {gateway.cache.key}", query.Get("key"))
		}
		key := caching.Key(raw)
		q.key = &key
	}
	return q, nil
}

// purgeCaches forgets entries, says so in the audit log, and answers with how many there
// were.
func (a *App) purgeCaches(w http.ResponseWriter, r *http.Request, query url.Values, list []*Cache) error {
	q, err := readPurge(query)
	if err != nil {
		return err
	}
	log := a.auditLog().With(zap.String("action", "cache_purge"), zap.String("remote", r.RemoteAddr), zap.String("what", query.Encode()))
	// Whoever asked may hang up meanwhile: what was begun is brought to its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storePatience)
	defer cancel()
	answer := cachePurge{Purged: []purgedCache{}}
	var done, failed []string
	for _, c := range list {
		n, err := q.purgeCache(ctx, c)
		if err != nil {
			failed = append(failed, fmt.Sprintf("cache %s: %s", c.Name(), err))
			continue
		}
		p := purgedCache{Cache: c.Name()}
		if n >= 0 {
			p.Entries = &n
		}
		answer.Purged = append(answer.Purged, p)
		done = append(done, c.Name())
	}
	log = log.With(zap.Strings("caches", done))
	if len(failed) > 0 {
		log.Error("a cache could not be purged, or not whole", zap.Strings("errors", failed))
		text := "not purged, or not whole, so purge again: " + strings.Join(failed, "; ")
		if len(done) > 0 {
			text += "; purged: " + strings.Join(done, ", ")
		}
		return adminError(http.StatusServiceUnavailable, "%s", text)
	}
	log.Info("caches were purged")
	return writeAdmin(w, answer)
}

// purgeCache purges a cache, and what is still open under its name for requests of configs
// before, which have it elsewhere.
func (q *purgeQuery) purgeCache(ctx context.Context, c *Cache) (int64, error) {
	n, err := q.purge(ctx, c.Store())
	for _, o := range c.app.shared.metrics.caches.others(c) {
		more, otherErr := q.purge(ctx, o.store)
		if n >= 0 && more >= 0 {
			n += more
		}
		if !errors.Is(otherErr, caching.ErrClosed) { // which has just ended
			err = errors.Join(err, otherErr)
		}
	}
	return n, err
}

// purge returns how many entries it has forgotten, or -1 if that is not known.
func (q *purgeQuery) purge(ctx context.Context, s caching.Store) (int64, error) {
	if q.key == nil {
		return s.Purge(ctx, q.tags...)
	}
	var n int64
	if e, err := s.Get(ctx, *q.key); err == nil && e != nil {
		n = 1
	}
	if err := s.Delete(ctx, *q.key); err != nil {
		return n, err
	}
	// An answer to a request that was made before is not to come under the key, and those
	// that depend on fields of the request are elsewhere.
	more, err := s.Purge(ctx, CacheTagOfKey(*q.key))
	return n + max(more, 0), err
}
