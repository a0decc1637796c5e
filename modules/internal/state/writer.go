// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Tap looks at a response on its way to the client.
type Tap interface {
	// ResponseHeader is called once, before the final header goes out, and
	// may change it. A returned hold greater than zero asks for the body to
	// be held back to its end as long as it fits in that many bytes, so that
	// headers can tell about it.
	ResponseHeader(status int, h http.Header) (hold int64)
	// ResponseBody is called with each chunk before it is forwarded. It must
	// not keep or change p. It returns true when the chunk holds the event
	// that completes the answer.
	ResponseBody(p []byte) (terminal bool)
	// HeldHeader is called, after settlement, when a held answer is complete
	// and its header is about to be sent.
	HeldHeader(h http.Header)
}

// Writer passes a response on unchanged in content and time, unless a tap asks
// to hold it. It settles the request before the write that completes the
// answer: the one that fills Content-Length, holds the terminal event of a
// stream, or sends a header that no body follows.
//
// It deliberately has no Flush or Hijack method: http.ResponseController finds
// those of the wrapped writer through Unwrap, which works with and without
// access logs.
type Writer struct {
	caddyhttp.ResponseWriterWrapper

	rq        *Request
	bodyless  bool // a HEAD request
	header    bool // WriteHeader was called with a final status
	sent      bool // the final header was forwarded
	holding   bool
	status    int
	bytes     int64
	expect    int64         // body bytes still announced by Content-Length; -1 unknown
	firstByte time.Duration // from the start of the request to the header; 0 before
	writeErr  error
	flusher   flusher
	editor    Editor
	echo      echo

	taps  [3]Tap
	ntaps int

	limit int64  // of held
	held  []byte // from acquire
	next  *Writer
}

// flusher is what http.ResponseController calls on Caddy's own writers.
type flusher interface{ FlushError() error }

// Tapped adds t to the answer that is written to w, and returns the writer to
// hand on. In the usual case w is the request's own writer and is returned as
// it is; where another handler (encode, say) stands in between, t gets a
// writer of its own, so that it sees the bytes as they are at its place.
func (rq *Request) Tapped(w http.ResponseWriter, r *http.Request, t Tap) *Writer {
	own, ok := w.(*Writer)
	if !ok || own.ntaps == len(own.taps) {
		own = new(Writer)
		own.init(rq, w, r)
		own.next, rq.writer.next = rq.writer.next, own
	}
	own.taps[own.ntaps] = t
	own.ntaps++
	return own
}

// EndTapped must be called when the handler that called [Request.Tapped] sees
// its next handler return without error, with the writer it got. It ends the
// answer if that writer is one of its own.
func (rq *Request) EndTapped(w http.ResponseWriter) error {
	if own, ok := w.(*Writer); ok && own != &rq.writer {
		return own.end()
	}
	return nil
}

func (w *Writer) init(rq *Request, inner http.ResponseWriter, r *http.Request) {
	w.rq, w.ResponseWriter, w.expect = rq, inner, -1
	w.bodyless = r.Method == http.MethodHead
	w.flusher, _ = inner.(flusher) // found once, for streams that flush each event
}

// WriteHeader forwards informational headers at once; a final one is shown to
// the taps and then forwarded or held.
func (w *Writer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.header {
		if !w.holding {
			w.ResponseWriter.WriteHeader(status) // let net/http report it
		}
		return
	}
	h := w.Header()
	if w.rq.answerHeader(h) {
		return
	}
	w.header = true
	w.echo.setAll(h)
	if w.rq.subprotocol != "" {
		w.rq.answerProtocol(status, h)
	}
	w.expect = contentLength(h)
	if w.bodyless || status == http.StatusNoContent || status == http.StatusNotModified || status == http.StatusSwitchingProtocols {
		w.expect = 0
	}
	w.limit = 0
	w.rq.account.hold()
	w.status = status
	if outer := &w.rq.writer; outer.status == 0 {
		outer.status = status // settlement may come before the outer writer hears
	}
	w.rq.ready = true
	for _, t := range w.taps[:w.ntaps] {
		w.limit = max(w.limit, t.ResponseHeader(status, h))
	}
	w.rq.account.release()
	switch {
	case w.expect == 0:
		w.rq.Settle()
		w.tellHeaders()
		w.sendHeader()
	case w.limit > 0 && w.expect <= w.limit && h["Trailer"] == nil && !w.rq.closed:
		// Trailers are written into the header map once the body has been, so
		// the header must be on its way by then.
		w.holding = true
	default:
		w.sendHeader()
	}
}

func (w *Writer) sendHeader() {
	w.sent = true
	if w.firstByte == 0 {
		w.firstByte = time.Since(w.rq.Start)
	}
	w.finishHeader()
	w.ResponseWriter.WriteHeader(w.status)
}

func (w *Writer) tellHeaders() {
	h := w.Header()
	for _, t := range w.taps[:w.ntaps] {
		t.HeldHeader(h)
	}
}

// Write shows p to the taps and forwards or holds it.
func (w *Writer) Write(p []byte) (int, error) {
	if !w.header {
		w.WriteHeader(http.StatusOK)
	}
	rq := w.rq
	if rq.refusal != nil {
		return len(p), nil // dropped; see Request.answerHeader
	}
	rq.account.hold()
	if rq.broken {
		rq.account.release()
		return 0, errBroken
	}
	terminal := false
	if w.ntaps == 1 { // as a rule
		terminal = w.taps[0].ResponseBody(p)
	} else {
		for _, t := range w.taps[:w.ntaps] {
			terminal = t.ResponseBody(p) || terminal
		}
	}
	if w.expect > 0 {
		w.expect = max(0, w.expect-int64(len(p)))
		terminal = terminal || w.expect == 0
	}
	if terminal && !w.holding {
		rq.settle()
	}
	rq.account.release()
	if w.holding {
		return w.hold(p, terminal)
	}
	return w.forward(p)
}

// errBroken is what a proxy gets that writes on when the process has settled its
// request and is about to end.
var errBroken = errors.New("the gateway is shutting down")

func (w *Writer) forward(p []byte) (int, error) {
	if w.editor != nil {
		return w.edited(p)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if err != nil && w.writeErr == nil {
		w.writeErr = err
	}
	return n, err
}

// hold keeps p back. When the announced length is reached the answer goes out
// at once; when the answer outgrows the limit, or the memory for it is used up,
// it becomes an ordinary one.
func (w *Writer) hold(p []byte, terminal bool) (int, error) {
	if w.expect == 0 && len(w.held) == 0 {
		// The whole answer in one piece, as small ones come: no need to copy it.
		w.holding = false
		w.rq.Settle()
		w.tellHeaders()
		w.sendHeader()
		return w.forward(p)
	}
	if need := int64(len(w.held)) + int64(len(p)); need > w.limit || !w.makeRoom(need) {
		if err := w.letGo(); err != nil {
			return 0, err
		}
		if terminal {
			w.rq.Settle()
		}
		return w.forward(p)
	}
	w.held = append(w.held, p...)
	if w.expect == 0 {
		return len(p), w.end()
	}
	return len(p), nil
}

// makeRoom lets held have need bytes. A short answer of known length gets its
// room at once; otherwise it doubles as bytes arrive.
func (w *Writer) makeRoom(need int64) (ok bool) {
	size := int64(cap(w.held))
	if need <= size {
		return true
	}
	size, most := 2*size, w.limit
	if w.expect >= 0 {
		size, most = max(size, firstSize), need+w.expect
	}
	w.held, ok = grow(w.held, max(need, min(size, most)))
	return ok
}

// letGo sends what was held, without the headers that would have told about it.
func (w *Writer) letGo() error {
	w.holding = false
	w.sendHeader()
	var err error
	if len(w.held) > 0 {
		_, err = w.forward(w.held)
	}
	w.release()
	return err
}

// end completes a held answer: settle, let the headers tell, send.
func (w *Writer) end() error {
	if !w.header {
		w.rq.account.hold()
		w.status = http.StatusOK // what net/http sends for a handler that wrote nothing
		w.rq.account.release()
		w.finishHeader()
	}
	if w.editor != nil {
		return w.editedRest()
	}
	if !w.holding {
		return nil
	}
	w.rq.Settle()
	w.tellHeaders()
	return w.letGo()
}

// release gives back the memory of a held answer. Of one that broke before its
// end nothing reached the client, and the connection is about to be broken too.
func (w *Writer) release() {
	w.holding = false
	if w.held != nil {
		giveBack(w.held)
		w.held = nil
	}
}

// FlushError flushes, unless the answer is held.
func (w *Writer) FlushError() error {
	if w.holding {
		return nil
	}
	if !w.header {
		w.WriteHeader(http.StatusOK)
		if w.holding || w.rq.refusal != nil {
			return nil
		}
	}
	if w.flusher != nil {
		return w.flusher.FlushError()
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// ReadFrom keeps the fast path of the wrapped writer where nobody meters.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if w.ntaps > 0 || w.rq.nsettle > 0 || w.rq.last != nil || !w.header {
		return io.Copy(writeOnly{w}, r)
	}
	w.rq.Settle()
	n, err := w.ResponseWriterWrapper.ReadFrom(r)
	w.bytes += n
	if err != nil && w.writeErr == nil {
		w.writeErr = err
	}
	return n, err
}

// writeOnly hides ReadFrom, which io.Copy would otherwise call again.
type writeOnly struct{ io.Writer }

// Announced returns how many bytes of the body are still to come, as its header says,
// or -1 if that is unknown.
func (w *Writer) Announced() int64 { return w.expect }

func contentLength(h http.Header) int64 {
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}

// Interface guards
var (
	_ http.ResponseWriter = (*Writer)(nil)
	_ http.Pusher         = (*Writer)(nil)
	_ io.ReaderFrom       = (*Writer)(nil)
)
