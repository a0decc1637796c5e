// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
)

const (
	// keepValidators is for how long an answer is kept beyond its use that can be
	// validated.
	keepValidators = time.Hour
	// putTimeout bounds what putting an answer takes, and putWait what of it the end of
	// the request waits for.
	putTimeout, putWait = 5 * time.Second, 100 * time.Millisecond
)

// lookup returns what is stored for the request, or nil and why it is not there, if that
// is not just because nothing is.
func (v *visit) lookup() (stored *answer, reason string) {
	e := v.get(v.key)
	if e != nil && len(e.Meta) > 0 && e.Meta[0] == kindVary {
		var is variants
		if is.read(e.Meta) != nil {
			return nil, ""
		}
		v.variants = &is
		e = v.get(v.variantKey(&is, v.r.Header))
	}
	switch {
	case v.down:
		return nil, reasonUnavailable
	case e == nil:
		return nil, ""
	}
	stored = new(answer)
	if stored.read(e.Meta) != nil {
		return nil, ""
	}
	stored.entry = e
	if v.call.is != stored.has(isCall) || v.call.is && v.cannotGive(stored) {
		return nil, reasonForm
	}
	return stored, ""
}

// lookAgain is lookup for who has looked before. A store that could not be asked then is not
// waited for once more.
func (v *visit) lookAgain() (stored *answer, reason string) {
	if v.down {
		return nil, reasonUnavailable
	}
	return v.lookup()
}

func (v *visit) get(key cacheKey) *caching.Entry {
	e, err := v.h.cache.Store().Get(v.r.Context(), key)
	if err != nil {
		v.down = true
		return nil
	}
	return e
}

// entryFor makes an entry of an answer. Header is what is kept of its fields.
func (v *visit) entryFor(a *answer, header http.Header, body [][]byte, now time.Time) *caching.Entry {
	return &caching.Entry{
		Meta:    a.append(make([]byte, 0, 512), header),
		Body:    body,
		Tags:    v.tags(),
		Owner:   v.rq.ConsumerName(),
		Expires: now.Add(a.meta.KeepFor(now, keepValidators)),
	}
}

// keep puts an answer into the store, where its fields say which requests it is for.
// Asked are the fields of the request that they name.
func (v *visit) keep(ctx context.Context, header, asked http.Header, e *caching.Entry, since caching.Mark) {
	store, key := v.h.cache.Store(), v.key
	names, _ := httpcache.VaryNames(header)
	if v.call.is {
		names = nil // the key has what matters, see refusesHeader
	}
	if len(names) > 0 {
		is := v.variantsNow(ctx, names)
		index := &caching.Entry{Meta: is.append(nil), Tags: e.Tags, Owner: e.Owner, Expires: e.Expires}
		if old, err := store.Get(ctx, key); err == nil && old != nil && old.Expires.After(index.Expires) {
			index.Expires = old.Expires
		}
		if o, err := store.Put(ctx, key, index, since); err != nil || o != caching.Stored {
			return // nobody would find it
		}
		key = v.variantKey(is, asked)
	}
	_, _ = store.Put(ctx, key, e, since) // what is not kept is a miss next time
}

// variantsNow returns the variants of the names that are there now, or new ones.
func (v *visit) variantsNow(ctx context.Context, names []string) *variants {
	is := new(variants)
	if e, err := v.h.cache.Store().Get(ctx, v.key); err == nil && e != nil && is.read(e.Meta) == nil && slices.Equal(is.names, names) {
		return is
	}
	return &variants{life: rand.Uint64(), names: names}
}

// forget removes what is stored under keys, all variants of it. A store elsewhere is told of
// all keys at a time: the client waits for the slowest answer and not for their sum.
func (v *visit) forget(keys ...cacheKey) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), putTimeout)
	defer cancel()
	store := v.h.cache.Store()
	var all sync.WaitGroup
	for i, key := range keys {
		if i == len(keys)-1 {
			_ = store.Delete(ctx, key) // it stays until it expires
			break
		}
		all.Go(func() { _ = store.Delete(ctx, key) })
	}
	all.Wait()
}

// forgetTarget removes what is stored for GETs of the URL that an unsafe request has
// changed, and of what its answer names besides, as far as the same caller would find it.
func (v *visit) forgetTarget(h http.Header) {
	get := *v
	var keys []cacheKey
	find := func(r *http.Request) {
		get.r = r
		if get.httpKey(nil) == "" && !slices.Contains(keys, get.key) {
			keys = append(keys, get.key)
		}
	}
	same := v.r.Clone(v.r.Context())
	same.Method = http.MethodGet
	find(same)
	target := v.target()
	target.Path, target.RawPath = originalPath(v.r), ""
	for _, u := range httpcache.AppendInvalidated(nil, target, h) {
		find(moved(same, u))
	}
	v.forget(keys...)
}

// tags are what the answer can be purged by.
func (v *visit) tags() []string {
	rq := v.rq
	tags := make([]string, 0, 7+len(v.h.Tags))
	add := func(kind, value string) {
		if value != "" && len(kind)+len(value) <= caching.MaxTagBytes && !slices.Contains(tags, kind+value) {
			tags = append(tags, kind+value)
		}
	}
	add("", gateway.CacheTagOfKey(v.key))
	add(gateway.CacheTagConsumer, rq.ConsumerName())
	add(gateway.CacheTagRoute, rq.Route)
	if v.call.is {
		add(gateway.CacheTagProvider, rq.LLM.Provider)
		add(gateway.CacheTagModel, rq.LLM.Model)
	}
	add(gateway.CacheTagHost, lower(v.r.Host))
	add(gateway.CacheTagPath, originalPath(v.r))
	for _, tag := range v.h.Tags {
		add(gateway.CacheTagOwn, v.replaced(tag))
	}
	return tags
}
