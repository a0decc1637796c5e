// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/cachekey"
	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// sharedHeader is the header of an answer that several requests share. It does not change.
type sharedHeader struct {
	meta   httpcache.Meta
	header http.Header
	size   int64    // of the body, or -1
	vary   []string // the fields that it depends on, and their values
	values []byte
	bill   *bill // of the call of a model
}

// share makes what is shared of the header of an answer.
func (v *visit) share(c *capture) *sharedHeader {
	s := &sharedHeader{meta: c.answer.meta, header: make(http.Header, len(c.header)), size: c.expect}
	for name, values := range c.header {
		if name != "Content-Length" {
			s.header[name] = slices.Clone(values)
		}
	}
	if v.call.is {
		s.bill = newBill()
		v.rq.OnSettle(s.bill)
	} else {
		s.vary, _ = httpcache.VaryNames(c.header)
		s.values = v.policy.AppendVaryKey(nil, s.vary, v.r.Header)
	}
	return s
}

// matches says that the answer is one to this request as well, and as fresh as it wants.
func (v *visit) matches(s *sharedHeader) bool {
	if len(s.vary) > 0 && string(v.policy.AppendVaryKey(nil, s.vary, v.r.Header)) != string(s.values) {
		return false
	}
	return v.policy.Decide(&v.request, &s.meta, time.Now()).Action == httpcache.Serve
}

// flightKey is the key of the call, which gives an answer in one form. After a purge it is
// another one: what was asked for before is not for who comes after.
func (v *visit) flightKey() coalesce.Key {
	key := v.key
	if v.variants != nil {
		key = v.variantKey(v.variants, v.r.Header)
	}
	hs := cachekey.New()
	defer hs.Release()
	hs.Bytes("of", key[:])
	mark := v.h.cache.Store().Mark(v.key)
	var at [16]byte
	binary.LittleEndian.PutUint64(at[:], mark.Epoch)
	binary.LittleEndian.PutUint64(at[8:], mark.Seq)
	hs.Bytes("at", at[:])
	for i, on := range [...]bool{v.call.stream, v.call.array, v.call.asked} {
		if on {
			hs.Text("form", strconv.Itoa(i))
		}
	}
	sum, _ := hs.Sum() // without a document there is nothing to fail
	return coalesce.Key(sum)
}

// follow gives the client the answer to another request, as it comes.
func (v *visit) follow(ctx context.Context, f *coalesce.Follower[any], s *sharedHeader) error {
	rq, h := v.rq, v.w.Header()
	rq.Cache.Key = v.hexKey()
	rq.Cache.Age = s.meta.Age(time.Now())
	v.tell(state.CacheCoalesced, "")
	for name, values := range s.header {
		if have := h[name]; len(have) > 0 && name != "Server" && name != "Date" {
			values = slices.Concat(have, values)
		}
		h[name] = slices.Clip(values)
	}
	if h["Via"] != nil && slices.Equal(h["Server"], []string{"Caddy"}) {
		delete(h, "Server")
	}
	member := httpcache.Status{Forward: httpcache.ForwardURIMiss, Collapsed: true}
	length := v.describe(h, state.CacheCoalesced, &member, rq.Cache.Age, max(s.size, 0))
	if s.size >= 0 {
		h["Content-Length"] = length
	}
	v.w.WriteHeader(s.meta.Status)
	left := s.size // which the last bytes settle
	for {
		p, err := f.Next(ctx)
		if left -= int64(len(p)); s.bill != nil && (left == 0 || errors.Is(err, io.EOF)) {
			rq.Cache.Saved, rq.Cache.SavedKnown = s.bill.wait(ctx)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return caddyhttp.Error(state.StatusClientClosed, ctx.Err())
		case err != nil:
			panic(http.ErrAbortHandler) // the answer has begun, so that only this tells that it is not whole
		}
		if _, err := v.w.Write(p); err != nil {
			return nil //nolint:nilerr // The client has gone, which the writer knows.
		}
		if s.size < 0 {
			_ = http.NewResponseController(v.w).Flush() // as the writer knows
		}
	}
}
