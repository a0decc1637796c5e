// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/decode"
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// scratch is what editing a document takes.
type scratch struct {
	editor reshape.Editor
	out    []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// keptScratch is the largest output that is kept for the next document.
const keptScratch = 256 << 10

// end completes an answer whose handlers have returned.
func (a *answer) end() error {
	if a.broken {
		panic(http.ErrAbortHandler)
	}
	switch a.mode {
	case holding:
		return a.finish(a.held.Bytes())
	case streaming:
		return a.endStream()
	case passing, dropping:
	}
	return nil
}

// finish edits a document that is there as a whole, and sends it.
func (a *answer) finish(raw []byte) error {
	var decoded state.Held
	defer decoded.Release()
	doc := raw
	if a.decoder != nil {
		if why := a.decodeWhole(raw, &decoded); why != "" {
			return a.giveUp(why, raw)
		}
		doc = decoded.Bytes()
	}
	if len(doc) == 0 {
		return a.letGo(raw)
	}
	s := scratches.Get().(*scratch)
	defer func() {
		if cap(s.out) > keptScratch {
			s.out = nil
		}
		scratches.Put(s)
	}()
	out, edited, err := s.editor.Apply(s.out[:0], doc, a.bound, false)
	s.out = out
	switch {
	case errors.Is(err, reshape.ErrTooMany):
		return a.giveUp(gateway.TransformTooLarge, raw)
	case err != nil:
		return a.giveUp(gateway.TransformMalformed, raw)
	case !edited:
		a.h.app.CountTransforms(a.rq, true, gateway.TransformUnchanged, 1)
		return a.letGo(raw)
	}
	a.h.app.CountTransforms(a.rq, true, gateway.TransformEdited, 1)
	h := a.Header()
	a.told(h)
	h["Content-Length"] = []string{strconv.Itoa(len(out))}
	return a.letGo(out)
}

// decodeWhole decodes a document, and says why it cannot.
func (a *answer) decodeWhole(raw []byte, into *state.Held) (why gateway.Transform) {
	full := false
	sink := func(plain []byte) { full = full || !into.Append(plain) }
	a.decoder.MaxOutput = a.h.MaxBody
	a.decoder.Write(raw, sink)
	a.decoder.Finish(sink)
	switch err := a.decoder.Err(); {
	case full, errors.Is(err, decode.ErrTooLong):
		return gateway.TransformTooLarge
	case err != nil:
		return gateway.TransformCoded
	}
	return ""
}

// giveUp sends a document as it is, or rejects it.
func (a *answer) giveUp(why gateway.Transform, raw []byte) error {
	if a.unedited(why); a.mode == dropping {
		return errUnedited
	}
	return a.letGo(raw)
}

// edit edits bytes of a stream and sends what they come to.
func (a *answer) edit(p []byte) (int, error) {
	if a.broken {
		return 0, errUnedited
	}
	if a.decoder == nil {
		a.forward(p)
	} else {
		a.decoder.Write(p, a.forward)
		if a.decoder.Err() != nil {
			a.h.app.CountTransforms(a.rq, true, gateway.TransformCoded, 1)
			a.broken = true // the client has been told that there is no coding
		}
	}
	if a.err == nil && a.broken {
		a.err = errUnedited
	}
	if a.err != nil {
		return 0, a.err
	}
	return len(p), nil
}

// forward edits plain bytes of a stream and sends what they come to.
func (a *answer) forward(plain []byte) { a.send(a.stream.Write(plain)) }

// send sends a part of an edited stream, unless an event in it was not edited and must be.
func (a *answer) send(out []byte) {
	if a.broken = a.broken || a.stream.Unedited+a.stream.Malformed > 0 && a.h.Unedited == UneditedReject; a.broken || a.err != nil || len(out) == 0 {
		return
	}
	_, a.err = a.ResponseWriter.Write(out)
}

// endStream sends the rest of a stream.
func (a *answer) endStream() error {
	if a.decoder != nil {
		a.decoder.Finish(a.forward)
		if a.decoder.Err() != nil {
			a.h.app.CountTransforms(a.rq, true, gateway.TransformCoded, 1)
			a.broken = true
		}
	}
	a.send(a.stream.Finish())
	dropDigests(a.Header()) // trailers by now
	if a.broken {
		panic(http.ErrAbortHandler)
	}
	return a.err
}

// release gives back what the answer holds, and counts a stream.
func (a *answer) release() {
	a.held.Release()
	if a.decoder != nil {
		a.decoder.Close()
	}
	if a.stream == nil {
		return
	}
	outcome := gateway.TransformUnchanged
	if a.stream.Edited > 0 {
		outcome = gateway.TransformEdited
	}
	a.h.app.CountTransforms(a.rq, true, outcome, 1)
	if a.stream.Unedited > 0 {
		a.h.app.CountTransforms(a.rq, true, gateway.TransformTooLarge, a.stream.Unedited)
	}
	if a.stream.Malformed > 0 {
		a.h.app.CountTransforms(a.rq, true, gateway.TransformMalformed, a.stream.Malformed)
	}
}
