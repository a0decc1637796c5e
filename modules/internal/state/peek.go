// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// BodyWithin is [Request.Body] for those who can do without a body that is longer than
// limit: it is then whole for nobody, is read no further than it takes to know that, and
// passes unharmed. Of a body whose length is announced nothing is read.
//
// It fails as Body does, except with 413: for a Content-Encoding, for incremental
// forwarding, for want of memory, and if the client broke off. A limit that is not this
// one's but stands in front, as that of request_body, still is a 413.
func (rq *Request) BodyWithin(r *http.Request, limit int64) (data []byte, whole bool, err error) {
	if rq.body != nil && rq.body.serves(r.Body) {
		if int64(len(rq.body.data)) > limit {
			return nil, false, nil
		}
		return rq.body.data, true, nil
	}
	if rq.bodyErr != nil || r.Body == nil || r.Body == http.NoBody {
		return nil, rq.bodyErr == nil, rq.bodyErr
	}
	if r.ContentLength > limit {
		return nil, false, nil
	}
	if r.ContentLength >= 0 || rq.closed || ContentCoding(r.Header) != "" || caddyhttp.IsIncremental(r.Header) {
		data, err = rq.Body(r, limit) // which knows how to refuse
		return data, err == nil, err
	}
	if begun, ok := r.Body.(*begunBody); ok && begun.read > limit {
		return nil, false, nil
	}
	return rq.bodyToLimit(r, limit)
}

// bodyToLimit reads a body whose length nobody has announced.
func (rq *Request) bodyToLimit(r *http.Request, limit int64) (data []byte, whole bool, err error) {
	b := &buffer{}
	err = b.fillToEnd(r.Body, limit)
	read := int64(len(b.data))
	if err != nil && read <= limit {
		b.free()
		rq.bodyErr = err
		return nil, false, err
	}
	rq.replaceBody(b)
	if err == nil {
		r.Body = b.reader()
		return b.data, true, nil
	}
	// Who asks for the buffered body must not take its beginning for it: an empty
	// buffer stands in front, behind which this one is kept until the request ends.
	rq.replaceBody(&buffer{foreign: true})
	r.Body = &begunBody{begin: b.reader(), rest: r.Body, read: read}
	return nil, false, nil
}

// begunBody is a body of which the beginning has been read.
type begunBody struct {
	begin, rest io.ReadCloser
	read        int64 // length of the beginning
	over        bool  // the beginning is
}

// Read reads the beginning from memory and then the rest from where it comes from.
func (b *begunBody) Read(p []byte) (int, error) {
	if !b.over {
		n, err := b.begin.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		b.over = true // and n is 0, since the two never come together
	}
	return b.rest.Read(p)
}

// Close closes the body that the client sends.
func (b *begunBody) Close() error { return b.rest.Close() }
