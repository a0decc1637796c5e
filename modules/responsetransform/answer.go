// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/decode"
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// mode is what is done with the bytes of a body.
type mode uint8

const (
	passing   mode = iota // they go on as they come
	holding               // they are kept to the end of a document
	streaming             // they are edited as they come
	dropping              // they are of an answer that is rejected
)

// answer is the writer between the client and the handlers whose answer is edited. Like
// state.Writer it has no Flush and no Hijack: http.ResponseController finds those of the
// wrapped writer.
type answer struct {
	caddyhttp.ResponseWriterWrapper

	h  *Handler
	rq *state.Request
	r  *http.Request

	header   bool // WriteHeader was called with a final status
	mode     mode
	status   int
	bound    *reshape.Bound
	before   http.Header // as it was before there was an answer
	rejected error
	broken   bool // what has begun must not end in good order

	held    state.Held
	expect  int64 // bytes of a held document still to come; -1 unknown
	coding  string
	stream  *reshape.Stream
	decoder *decode.Decoder
	err     error // of forwarding a stream
}

// errUnedited is what a handler gets that writes on when its answer is rejected.
var errUnedited = errors.New("the answer cannot be edited")

// WriteHeader edits the header and decides about the body.
func (a *answer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	if a.header {
		if a.mode != holding && a.mode != dropping {
			a.ResponseWriter.WriteHeader(status) // let net/http report it
		}
		return
	}
	a.header, a.status = true, status
	h := a.Header()
	if status == http.StatusNotModified && a.h.edits(http.StatusOK) {
		vary(h, a.h.headerVary) // as that of the answer that the client has
		if a.h.plan.EditsBody() {
			vary(h, a.h.bodyVary)
			a.weaken(h)
		}
	}
	if a.h.edits(status) {
		a.bound = a.h.plan.Bind(a.h.expand(a.r))
		if a.bound.Unusable > 0 {
			a.h.app.CountTransforms(a.rq, true, gateway.TransformUnusable, a.bound.Unusable)
		}
		vary(h, a.h.headerVary)
		if a.h.plan.EditsBody() {
			a.begin(h)
		}
		a.bound.Headers(h)
	}
	if a.mode == passing || a.mode == streaming {
		a.ResponseWriter.WriteHeader(status)
	}
}

// begin decides what is done with the body.
func (a *answer) begin(h http.Header) {
	media := reshape.MediaOf(first(h["Content-Type"]), a.h.ContentTypes)
	if media == reshape.Other || media == reshape.Form || a.status == http.StatusNoContent ||
		a.status == http.StatusNotModified || a.status == http.StatusSwitchingProtocols {
		return
	}
	vary(h, a.h.bodyVary)
	a.expect = contentLength(h)
	a.coding = strings.Join(h["Content-Encoding"], ",")
	if strings.EqualFold(a.coding, "identity") {
		a.coding = ""
	}
	switch {
	case a.r.Method == http.MethodHead:
		a.told(h)
	case a.status == http.StatusPartialContent || h["Content-Range"] != nil:
		a.unedited(gateway.TransformPartial)
	case a.coding != "" && !a.decodes():
		a.unedited(gateway.TransformCoded)
	case media == reshape.Document && h["Trailer"] != nil:
		// Trailers are written into the header once the body has been, so that it must
		// be on its way by then.
		a.unedited(gateway.TransformPartial)
	case media == reshape.Document && a.expect > a.h.MaxBody:
		a.unedited(gateway.TransformTooLarge)
	case a.expect == 0:
	case media == reshape.Document:
		a.mode = holding
	default:
		a.told(h)
		a.stream = reshape.NewStream(a.bound, media == reshape.Lines, int(a.h.MaxBody))
		a.mode = streaming
	}
}

// decodes makes ready for the coding of the body and says whether it can be read.
func (a *answer) decodes() (ok bool) {
	a.decoder, ok = decode.New(a.coding)
	return ok
}

// told has the header tell of an edited body of unknown length, and without coding.
func (a *answer) told(h http.Header) {
	for _, name := range [...]string{"Content-Length", "Content-Encoding", "Accept-Ranges"} {
		delete(h, name)
	}
	dropDigests(h)
	a.weaken(h)
}

// digests are the headers, and trailers, with a checksum of the body.
var digests = [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"}

func dropDigests(h http.Header) {
	for _, name := range digests {
		delete(h, name)
		delete(h, http.TrailerPrefix+name)
	}
}

// weaken has the entity tag stand for bodies that mean the same, not for the same bytes.
// Where an edit depends on the request, two of them need not mean the same, so that none
// is left that a later request could be answered by.
func (a *answer) weaken(h http.Header) {
	if !a.h.plan.BodyIsStatic() {
		delete(h, "Etag")
		delete(h, "Last-Modified")
		return
	}
	if tag := first(h["Etag"]); strings.HasPrefix(tag, `"`) {
		h["Etag"] = []string{"W/" + tag}
	}
}

// unedited notes that the body cannot be edited. It goes on as it is, or is rejected.
func (a *answer) unedited(why gateway.Transform) {
	a.h.app.CountTransforms(a.rq, true, why, 1)
	a.mode = passing
	if a.h.Unedited == UneditedReject {
		a.mode = dropping
		a.rejected = state.Deny(http.StatusBadGateway, "response_not_editable", "The answer of the upstream cannot be edited as this route requires")
	}
}

// Write takes bytes of the body.
func (a *answer) Write(p []byte) (int, error) {
	if !a.header {
		a.WriteHeader(http.StatusOK)
	}
	switch a.mode {
	case holding:
		return a.hold(p)
	case streaming:
		return a.edit(p)
	case dropping:
		return 0, errUnedited
	case passing:
	}
	return a.ResponseWriter.Write(p)
}

// hold keeps bytes of a document, until it is complete or turns out to be too long.
func (a *answer) hold(p []byte) (int, error) {
	if a.expect == int64(len(p)) && len(a.held.Bytes()) == 0 {
		// The whole document in one piece, as small ones come: no need to copy it.
		return len(p), a.finish(p)
	}
	if int64(len(a.held.Bytes())+len(p)) > a.h.MaxBody || !a.held.Append(p) {
		a.unedited(gateway.TransformTooLarge)
		if a.mode == dropping {
			return 0, errUnedited
		}
		if err := a.letGo(a.held.Bytes()); err != nil {
			return 0, err
		}
		return a.ResponseWriter.Write(p)
	}
	if a.expect > 0 {
		if a.expect = max(0, a.expect-int64(len(p))); a.expect == 0 {
			return len(p), a.finish(a.held.Bytes())
		}
	}
	return len(p), nil
}

// letGo sends the header and a body.
func (a *answer) letGo(body []byte) error {
	a.mode = passing
	a.ResponseWriter.WriteHeader(a.status)
	var err error
	if len(body) > 0 {
		_, err = a.ResponseWriter.Write(body)
	}
	a.held.Release()
	return err
}

// FlushError flushes, unless the answer is held.
func (a *answer) FlushError() error {
	if !a.header {
		a.WriteHeader(http.StatusOK)
	}
	if a.mode == holding || a.mode == dropping {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// ReadFrom keeps the fast path of the wrapped writer for bodies that are not edited.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	if !a.header || a.mode != passing {
		return io.Copy(writeOnly{a}, r)
	}
	return a.ResponseWriterWrapper.ReadFrom(r)
}

// writeOnly hides ReadFrom, which io.Copy would otherwise call again.
type writeOnly struct{ io.Writer }

func contentLength(h http.Header) int64 {
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Interface guards
var (
	_ http.ResponseWriter = (*answer)(nil)
	_ http.Pusher         = (*answer)(nil)
	_ io.ReaderFrom       = (*answer)(nil)
)
