// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Transcript retains what an answer delivers, to be counted if the provider does
// not say what it was. It is fed with every payload of every stream, and asked
// about few of them: so it keeps the payloads undecoded, without what they have
// in common.
//
// Memory is bounded, however long the answer: 64 KiB of payloads, 1 MiB of text,
// 16 KiB of the document being read, and as much again that appending may have set
// aside. Text beyond that is taken to be like what is held. It begins with nothing,
// and a stream of a few kilobytes takes a few kilobytes.
// How payloads are cut makes no difference.
//
// The zero value ignores what it is fed until Reset. A Transcript can be reused
// and is not safe for concurrent use.
type Transcript struct {
	tape     tape
	walker   walker
	on       bool // the answer has texts that count
	document bool // it is one JSON document, and the tape holds its bytes
	parting  bool // a payload is being read in pieces

	ends   []byte // of the shape told last: the beginning, then the end
	prefix int    // how much of it is the beginning
}

// Reset prepares the transcript for an answer and keeps its buffers, unless they
// have grown large. The encoding is what the text will be counted with.
func (t *Transcript) Reset(f usage.Format, media usage.Media, e tokens.Encoding) {
	t.tape.reset()
	t.parting = false
	w := &t.walker
	w.texts.reset(e)
	w.root = nil
	if media != usage.MediaNone {
		w.root = answers(f, media)
	}
	t.on, t.document = w.root != nil, media == usage.MediaJSON
	w.begin()
}

// Event takes a payload of a stream, and neither keeps nor alters it. The name is
// not needed: what does not tell its type counts by its members.
func (t *Transcript) Event(_, data []byte) {
	switch {
	case !t.on:
	case len(data) <= maxRecord && t.tape.fits(data):
		t.tape.put(data)
	default:
		t.eventAfter(data)
	}
}

// Shape tells how the payloads that come by Middles begin and end.
func (t *Transcript) Shape(prefix, suffix []byte) {
	t.ends, t.prefix = append(append(t.ends[:0], prefix...), suffix...), len(prefix)
	t.tape.told = false
}

// Middles takes payloads of the shape told last: of each, one byte with the length of
// what stands between beginning and end, below 0xf0, and that. They are written to
// the tape as they are.
func (t *Transcript) Middles(run []byte) {
	if !t.on {
		return
	}
	if !t.tape.told || len(t.tape.buf)+len(run) > maxTape {
		if len(t.tape.buf)+len(t.ends)+len(run)+room > maxTape {
			t.play()
		}
		t.tape.tell(t.ends[:t.prefix], t.ends[t.prefix:])
	}
	t.tape.buf = append(t.tape.buf, run...)
}

// eventAfter takes a payload for which there is no room, or that is so long that
// it is read at once.
func (t *Transcript) eventAfter(data []byte) {
	t.play()
	if len(data) <= maxRecord {
		t.tape.put(data)
		return
	}
	t.walker.begin()
	t.walker.write(data)
	t.walker.finish()
}

// Part takes a piece of a payload that is too long to be held.
func (t *Transcript) Part(_, data []byte, last bool) {
	if !t.on {
		return
	}
	if !t.parting {
		t.play()
		t.walker.begin()
	}
	t.walker.write(data)
	if t.parting = !last; last {
		t.walker.finish()
	}
}

// Bytes takes a piece of a body that is one JSON document.
func (t *Transcript) Bytes(p []byte) {
	if !t.on {
		return
	}
	for len(p) > 0 {
		n := min(len(p), maxTape-len(t.tape.buf))
		t.tape.buf = append(t.tape.buf, p[:n]...)
		if p = p[n:]; len(p) > 0 {
			t.play()
		}
	}
}

// Output returns what was delivered so far: reasoning where the format tells it
// apart, and everything else as output.
func (t *Transcript) Output() (c usage.Counts) {
	if !t.on {
		return c
	}
	t.play()
	t.walker.flush()
	c[usage.Output], c[usage.Reasoning] = t.walker.texts.count()
	return c
}

// play reads what is on the tape.
func (t *Transcript) play() {
	if t.document {
		t.walker.write(t.tape.buf)
	} else {
		t.tape.play(&t.walker)
	}
	t.tape.rewind()
}
