// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// DefaultMaxBody is how much of a request body a handler may read that has no
// limit of its own.
const DefaultMaxBody = 10 << 20

// Body reads the request body whole, once, up to limit bytes, and puts a
// reader over the same bytes in its place; later calls return the same bytes.
// They are valid until the request ends and must not be changed.
//
// It fails with 413 beyond limit, 415 for a Content-Encoding (what is decided
// on must be what is forwarded, and the gateway does not decode), 501 if the
// client asked for incremental forwarding (RFC 10036), 503 if the bodies and
// held answers of all requests together would take more memory than a quarter
// of GOMEMLIMIT (512 MiB where none is set), 400 if the client broke off.
func (rq *Request) Body(r *http.Request, limit int64) ([]byte, error) {
	if rq.body != nil && rq.body.serves(r.Body) {
		if int64(len(rq.body.data)) > limit {
			return nil, TooLarge(limit)
		}
		return rq.body.data, nil
	}
	if rq.bodyErr != nil {
		return nil, rq.bodyErr
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	if rq.closed {
		return nil, http.ErrBodyReadAfterClose // nobody would give the buffer back
	}
	b, err := rq.readBody(r, limit)
	if err != nil {
		rq.bodyErr = err
		return nil, err
	}
	rq.replaceBody(b)
	r.Body = b.reader()
	return b.data, nil
}

func (rq *Request) readBody(r *http.Request, limit int64) (*buffer, error) {
	if enc := ContentCoding(r.Header); enc != "" {
		return nil, Deny(http.StatusUnsupportedMediaType, "content_encoding_unsupported",
			"This route reads the request body and does not accept Content-Encoding "+strconv.Quote(enc))
	}
	if caddyhttp.IsIncremental(r.Header) {
		return nil, Deny(http.StatusNotImplemented, "incremental_unsupported",
			"This route reads the request body whole and cannot forward it incrementally")
	}
	if r.ContentLength > limit {
		return nil, TooLarge(limit)
	}
	b := &buffer{}
	if err := b.fill(r.Body, r.ContentLength, limit); err != nil {
		b.free()
		return nil, err
	}
	return b, nil
}

// ContentCoding returns what a header says of the coding of its body; empty if the body
// is as it is. The names of codings are in any case (RFC 9110, section 8.4.1), and
// "identity" is none.
func ContentCoding(h http.Header) string {
	for _, coding := range h["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return coding
		}
	}
	return ""
}

// SetBody puts data in place of the request body, for this and all later
// handlers. The request state keeps data; the caller must not change it. It
// counts as buffered but is never refused, since it is in memory already. Headers
// with a checksum of the body are removed.
func (rq *Request) SetBody(r *http.Request, data []byte) {
	b := &buffer{data: data, foreign: true}
	if !rq.closed {
		buffered.Add(int64(cap(data)))
	}
	rq.replaceBody(b)
	r.Body = b.reader()
	r.ContentLength = int64(len(data))
	r.TransferEncoding = nil
	r.Header.Set("Content-Length", strconv.Itoa(len(data)))
	for _, name := range digests {
		delete(r.Header, name)
	}
}

// digests are headers with a checksum of the body (RFC 9530, and what was before it),
// which a body that was replaced does not have.
var digests = [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"}

// replaceBody makes b the body. A settlement from outside may be reading the one
// before.
func (rq *Request) replaceBody(b *buffer) {
	rq.account.hold()
	b.prev = rq.body
	rq.body = b
	rq.account.release()
}

func (rq *Request) releaseBody() {
	for b := rq.body; b != nil; b = b.prev {
		b.free()
	}
	rq.body = nil
}

// buffer is a request body in memory. Its bytes go back to the pool when the
// request is over. A transport may hold a reader beyond that: the end waits
// for a read in progress, and later reads fail.
type buffer struct {
	data    []byte
	foreign bool // data is not from the pool
	prev    *buffer

	mu   sync.Mutex
	gone bool
	sent bool // somebody has read it to its end

	first bodyReader // most buffers have but one
}

// BufferedBody returns the body that [Request.Body] has read, or that
// [Request.SetBody] has put in its place; nil if neither was called. It is valid
// until the request ends.
func (rq *Request) BufferedBody() []byte {
	if rq.body == nil {
		return nil
	}
	return rq.body.data
}

// BodySent says that the buffered body was read to its end, which a proxy does that
// sends it to an upstream.
func (rq *Request) BodySent() bool {
	if rq.body == nil {
		return false
	}
	rq.body.mu.Lock()
	defer rq.body.mu.Unlock()
	return rq.body.sent
}

func (b *buffer) serves(body io.ReadCloser) bool {
	br, ok := body.(*bodyReader)
	return ok && br.b == b
}

func (b *buffer) reader() io.ReadCloser {
	if b.first.b != nil {
		return &bodyReader{b: b}
	}
	b.first.b = b
	return &b.first
}

// fill reads a body of the announced length, or, if that is negative, up to
// limit bytes. What it takes from the budget follows the bytes that arrive, so
// that stalled requests cannot exhaust it with what they only announce.
func (b *buffer) fill(src io.Reader, length, limit int64) error {
	if length < 0 {
		return b.fillToEnd(src, limit)
	}
	for size := min(length, firstSize); ; size = min(2*int64(cap(b.data)), length) {
		if !b.grow(size) {
			return exhausted()
		}
		have := len(b.data)
		b.data = b.data[:min(int64(cap(b.data)), length)]
		if _, err := io.ReadFull(src, b.data[have:]); err != nil {
			return unreadable(err, limit)
		}
		if int64(len(b.data)) == length {
			return nil
		}
	}
}

func (b *buffer) fillToEnd(src io.Reader, limit int64) error {
	most := max(limit, limit+1) // the sum may wrap
	for {
		if len(b.data) == cap(b.data) && !b.grow(min(2*int64(cap(b.data)), most)) {
			return exhausted()
		}
		n, err := src.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if int64(len(b.data)) > limit {
			return TooLarge(limit)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable(err, limit)
		}
	}
}

func (b *buffer) grow(n int64) (ok bool) {
	b.data, ok = grow(b.data, n)
	return ok
}

func (b *buffer) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return
	}
	b.gone = true
	if b.foreign {
		buffered.Add(-int64(cap(b.data)))
	} else {
		giveBack(b.data)
	}
	b.data = nil
}

// bodyReader reads a buffer. Each is used by one reader at a time, but its end
// may come from another goroutine.
type bodyReader struct {
	b   *buffer
	off int
}

func (br *bodyReader) Read(p []byte) (int, error) {
	br.b.mu.Lock()
	defer br.b.mu.Unlock()
	if br.b.gone {
		return 0, http.ErrBodyReadAfterClose
	}
	if br.off >= len(br.b.data) {
		return 0, io.EOF
	}
	n := copy(p, br.b.data[br.off:])
	br.off += n
	br.b.sent = br.b.sent || br.off == len(br.b.data)
	return n, nil
}

// Close does nothing: the request state owns the bytes, and a proxy that
// retries may read again from a new reader.
func (br *bodyReader) Close() error { return nil }

// TooLarge is the error for a body beyond limit bytes.
func TooLarge(limit int64) error {
	return Deny(http.StatusRequestEntityTooLarge, "body_too_large",
		"The request body is larger than the "+strconv.FormatInt(limit, 10)+" bytes that this route accepts")
}

func exhausted() error {
	return Deny(http.StatusServiceUnavailable, "body_memory_exhausted",
		"The gateway holds too many request bodies and answers at the moment; try again")
}

func unreadable(err error, limit int64) error {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return TooLarge(min(limit, tooBig.Limit))
	}
	return Deny(http.StatusBadRequest, "body_unreadable", "The request body broke off before its end")
}

// countedBody counts the bytes of a body whose length was not announced. The
// count is atomic because a transport may read on after the handler returned.
type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}
