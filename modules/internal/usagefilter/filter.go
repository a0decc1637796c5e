// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package usagefilter lets a gateway ask for the usage of a stream that the
// client did not ask for, without the client noticing.
//
// OpenAI's chat and completions streams tell their usage only when the request
// has "stream_options":{"include_usage":true}. [Ask] adds that. The answer then
// holds what the client does not expect: a last chunk without choices, over which
// clients stumble that read the first choice, and in many servers a member
// "usage" in every chunk. A [Filter] takes both out again.
// See https://platform.openai.com/docs/api-reference/chat/create.
package usagefilter

// MaxEvent is the longest event, in bytes with its empty line, that is edited. A
// longer one passes as it is.
const MaxEvent = 64 << 10

// Filter takes out of a body of server-sent events what a server adds because of
// include_usage:
//   - events whose payload is an object with a usage object and without a choice:
//     "choices" is an empty array or null. Comments in them stay;
//   - the top-level member "usage", whether null or not, of other objects that have
//     the member "choices".
//
// Every other byte passes: other events, comments, empty lines, names, [DONE],
// and objects without "choices", which are no chunks of this API. An error in an
// object passes as well, and an event of several data lines passes unless the
// whole of it is to go.
//
// Lines end in LF or CRLF. A stream whose first line ends in CR alone passes as it
// is.
//
// An event that a chunk brings whole leaves with that chunk; what is cut is held
// until its end has come. At most MaxEvent bytes are held. An event without the
// name in its literal spelling is neither parsed nor copied. Of payloads that are
// not valid JSON it is not said whether they lose the member.
//
// The zero value is ready for a stream. A Filter is not safe for concurrent use.
type Filter struct {
	held    []byte  // the beginning of an event
	out     []byte  // what Write returns if it is not a part of its argument
	joined  []byte  // a payload of several lines
	tail    lineEnd // how what came last ends, within an event
	passing bool    // within an event that is too long
	endings endings
	chunk   chunk
}

// keepSize is the size from which on buffers are given up on Reset.
const keepSize = 64 << 10

// Reset prepares the filter for another stream.
func (f *Filter) Reset() {
	f.held, f.out, f.joined = reuse(f.held), reuse(f.out), reuse(f.joined)
	f.tail, f.passing, f.endings, f.chunk.n = 0, false, 0, 0
}

func reuse(b []byte) []byte {
	if cap(b) > keepSize {
		return nil
	}
	return b[:0]
}

// Write takes the next chunk of the body and returns what is to be forwarded now,
// which may be nothing. It is a part of p or valid until the next call. Write
// neither keeps nor alters p.
func (f *Filter) Write(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	f.out = f.out[:0]
	if f.endings != endingsLF {
		if f.endings = f.endings.observe(p); f.endings == endingsCR {
			return f.pass(p)
		}
	}
	at := 0 // where the first event begins that can be edited
	switch {
	case f.passing:
		if at = firstBorder(p, f.tail); at == 0 {
			f.tail = f.tail.after(p)
			return p
		}
		f.passing = false
	case len(f.held) > 0:
		n := firstBorder(p, f.tail)
		if n == 0 {
			return f.hold(p)
		}
		f.held = append(f.held, p[:n]...)
		f.complete()
		p = p[n:]
	}
	last := at + lastBorder(p[at:])
	if len(p)-last > MaxEvent {
		f.passing = true
		f.tail = atLineStart.after(p[last:])
		return f.edit(p, at, last)
	}
	if last < len(p) {
		f.held = append(f.held, p[last:]...)
		f.tail = atLineStart.after(p[last:])
	}
	return f.edit(p[:last], at, last)
}

// Finish tells that the body has ended and returns what is left of it, valid until
// the next call. An event without its empty line is edited as well.
func (f *Filter) Finish() []byte {
	f.out = f.out[:0]
	if len(f.held) > 0 {
		f.complete()
	}
	return f.out
}

// pass returns all there is.
func (f *Filter) pass(p []byte) []byte {
	if len(f.held) == 0 {
		return p
	}
	f.out = append(append(f.out, f.held...), p...)
	f.held = f.held[:0]
	return f.out
}

// hold adds a chunk in which the event does not end, unless the event becomes too
// long.
func (f *Filter) hold(p []byte) []byte {
	f.tail = f.tail.after(p)
	if len(f.held)+len(p) > MaxEvent {
		f.passing = true
		return f.pass(p)
	}
	f.held = append(f.held, p...)
	return nil
}

// complete moves the held event, which is complete, to the empty output.
func (f *Filter) complete() {
	if u := findUsage(f.held); u < 0 || !f.apply(f.held, f.inspect(f.held, u)) {
		f.out, f.held = f.held, f.out
	}
	f.held = f.held[:0]
}

// edit returns the output and p, with the events edited that lie in p[at:last].
func (f *Filter) edit(p []byte, at, last int) []byte {
	from := 0 // what is not in the output yet
	for at < last {
		u := findUsage(p[at:last])
		if u < 0 {
			break
		}
		start := at
		for u += at; at <= u; {
			start = at
			at += firstBorder(p[at:last], atLineStart)
		}
		e := f.inspect(p[start:at], u-start)
		if e.action == keep {
			continue
		}
		was := len(f.out)
		f.out = append(f.out, p[from:start]...)
		if f.apply(p[start:at], e) {
			from = at
		} else {
			f.out = f.out[:was]
		}
	}
	if len(f.out) == 0 {
		return p[from:]
	}
	f.out = append(f.out, p[from:]...)
	return f.out
}
