// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
)

// cacheProxy is the smallest reverse proxy around the package: a map, no bound,
// bodies in memory. It shows what a handler has to do, and public test suites
// can be run against it.
type cacheProxy struct {
	policy    *httpcache.Policy
	origin    *url.URL
	transport http.RoundTripper
	now       func() time.Time

	mu         sync.Mutex
	entries    map[string]*variants
	background sync.WaitGroup
}

// variants are the stored answers of one URL; all vary on the same fields.
type variants struct {
	names []string
	byKey map[string]*entry
}

type entry struct {
	meta   httpcache.Meta
	header http.Header
	body   []byte
}

func newCacheProxy(origin string, o httpcache.Options, now func() time.Time) (*cacheProxy, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	return &cacheProxy{
		policy:    httpcache.New(o),
		origin:    u,
		transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		now:       now,
		entries:   map[string]*variants{},
	}, nil
}

func (c *cacheProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := *r.URL
	target.Scheme, target.Host = "http", r.Host
	rq := c.policy.Request(r.Method, r.Header)
	stored, known := c.lookup(&target, r.Header)
	d := c.policy.Decide(&rq, metaOf(stored), c.now())
	if known && d.Forward == httpcache.ForwardURIMiss {
		d.Forward = httpcache.ForwardVaryMiss
	}
	switch d.Action {
	case httpcache.Serve, httpcache.ServeStale:
		c.serve(w, r, stored, c.status(d))
		if d.Action == httpcache.ServeStale {
			again := r.Clone(context.WithoutCancel(r.Context()))
			again.Body = http.NoBody
			c.background.Go(func() { c.exchange(discard{}, again, &target, &rq, stored, d) })
		}
	case httpcache.Timeout:
		status := c.status(d)
		status.Generated, status.HasTTL = true, false
		w.Header().Set("Cache-Status", string(status.Append(nil)))
		w.WriteHeader(http.StatusGatewayTimeout)
	default:
		c.exchange(w, r, &target, &rq, stored, d)
	}
}

func (c *cacheProxy) status(d httpcache.Decision) *httpcache.Status {
	return &httpcache.Status{
		Cache: "test", Forward: d.Forward, Detail: d.Reason,
		TTL: d.TTL, HasTTL: d.Forward == httpcache.ForwardNone,
	}
}

// exchange asks the origin and answers from what comes of it.
func (c *cacheProxy) exchange(w http.ResponseWriter, r *http.Request, target *url.URL, rq *httpcache.Request, stored *entry, d httpcache.Decision) {
	out := c.outgoing(r)
	conditional := d.Action == httpcache.Revalidate || d.Action == httpcache.ServeStale && stored.meta.Validatable()
	if conditional && r.Method == http.MethodGet {
		stored.meta.SetConditions(out.Header)
	}
	x := httpcache.Exchange{Request: rq, Method: r.Method, URL: target, RequestHeader: r.Header, Requested: c.now()}
	res, err := c.transport.RoundTrip(out)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	x.Responded = c.now()
	status := 0
	if err == nil {
		status = res.StatusCode
	}
	if stale := c.policy.OnError(rq, metaOf(stored), x.Responded, status); stale.Action == httpcache.Serve {
		c.serve(w, r, stored, c.status(stale))
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	x.Status, x.Header = res.StatusCode, res.Header
	member := c.status(d)
	member.ForwardStatus = status
	c.take(w, r, &x, body, stored, conditional, member)
}

// take stores, freshens or forgets, and answers the client.
func (c *cacheProxy) take(w http.ResponseWriter, r *http.Request, x *httpcache.Exchange, body []byte, stored *entry, conditional bool, member *httpcache.Status) {
	if httpcache.Invalidates(x.Method, x.Status) {
		c.forget(x.URL)
		for _, u := range httpcache.AppendInvalidated(nil, x.URL, x.Header) {
			c.forget(u)
		}
	}
	if conditional && x.Status == http.StatusNotModified && x.Method == http.MethodGet {
		fresh := &entry{body: stored.body}
		var reason httpcache.Reason
		fresh.header, fresh.meta, reason = c.policy.Freshen(x, stored.header, &stored.meta)
		if member.Stored = reason == httpcache.ReasonNone; member.Stored {
			c.keep(x.URL, r.Header, fresh)
		} else if reason != httpcache.ReasonCredentials && reason != httpcache.ReasonRequestNoStore {
			c.forget(x.URL)
		}
		c.serve(w, r, fresh, member)
		return
	}
	if x.Method == http.MethodHead && stored != nil {
		header, meta, reason := c.policy.FreshenHead(x, stored.header, &stored.meta)
		switch reason {
		case httpcache.ReasonNone:
			c.keep(x.URL, r.Header, &entry{meta: meta, header: header, body: stored.body})
		case httpcache.ReasonStatus, httpcache.ReasonCredentials, httpcache.ReasonRequestNoStore:
		default:
			c.forget(x.URL)
		}
	}
	meta, reason := c.policy.Store(x)
	if member.Stored = reason == httpcache.ReasonNone; member.Stored {
		c.keep(x.URL, r.Header, &entry{meta: meta, header: c.policy.StoredHeader(x.Header, x.Responded), body: body})
	}
	copyEnd(w.Header(), x.Header)
	w.Header().Add("Cache-Status", string(member.Append(nil)))
	w.WriteHeader(x.Status)
	_, _ = w.Write(body)
}

// serve answers from what is stored.
func (c *cacheProxy) serve(w http.ResponseWriter, r *http.Request, e *entry, member *httpcache.Status) {
	now := c.now()
	h := w.Header()
	copyEnd(h, e.header)
	h.Set("Age", string(e.meta.AppendAge(nil, now)))
	h.Add("Cache-Status", string(member.Append(nil)))
	if e.meta.NotModified(r.Header, now) {
		httpcache.DropForNotModified(h)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(e.meta.Status)
		return
	}
	size := int64(len(e.body))
	span, verdict := e.meta.Range(r.Header, size, now)
	switch verdict {
	case httpcache.PartOfBody, httpcache.Unsatisfiable:
		h.Set("Content-Range", string(span.AppendContentRange(nil, verdict, size)))
		h.Del("Content-Length")
		if verdict == httpcache.Unsatisfiable {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.WriteHeader(http.StatusPartialContent)
	default:
		w.WriteHeader(e.meta.Status)
	}
	_, _ = w.Write(e.body[span.Offset : span.Offset+span.Length])
}

func (c *cacheProxy) outgoing(r *http.Request) *http.Request {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = c.origin.Scheme, c.origin.Host
	out.RequestURI = ""
	out.Close = false
	for _, name := range []string{"Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade"} {
		out.Header.Del(name)
	}
	if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	} else {
		out.Body = http.NoBody
	}
	return out
}

func (c *cacheProxy) lookup(u *url.URL, h http.Header) (e *entry, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.entries[u.String()]
	if v == nil {
		return nil, false
	}
	return v.byKey[string(c.policy.AppendVaryKey(nil, v.names, h))], true
}

func (c *cacheProxy) keep(u *url.URL, h http.Header, e *entry) {
	names, _ := httpcache.VaryNames(e.header)
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.entries[u.String()]
	if v == nil || strings.Join(v.names, ",") != strings.Join(names, ",") {
		v = &variants{names: names, byKey: map[string]*entry{}}
		c.entries[u.String()] = v
	}
	v.byKey[string(c.policy.AppendVaryKey(nil, names, h))] = e
}

func (c *cacheProxy) forget(u *url.URL) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, u.String())
}

func metaOf(e *entry) *httpcache.Meta {
	if e == nil {
		return nil
	}
	return &e.meta
}

// copyEnd copies the fields that are not of the connection.
func copyEnd(dst, src http.Header) {
	for name, values := range src {
		switch name {
		case "Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade", "Proxy-Connection":
		default:
			dst[name] = append([]string(nil), values...)
		}
	}
}

// discard takes the answer of a validation nobody waits for.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
