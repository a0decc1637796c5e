// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package usage reads how many tokens an LLM response used, from the response
// itself and while it passes by.
//
// A [Meter] is fed with the body in chunks cut anywhere and reduces every
// provider's figures to disjoint classes, so that no unit can be priced twice.
// Formats are told apart by API, not by provider; where providers of one API
// differ, the numbers decide:
//
//   - Cached, written, audio and image input is a part of OpenAI's and Gemini's
//     prompt count and is taken out of it. Anthropic counts them apart.
//   - Reasoning is a part of the completion count if the total is prompt plus
//     completion, and comes on top if the total is the sum of all three (xAI).
//     Without a total it is a part. Gemini always counts it apart.
//   - Figures of a stream are cumulative: a later one replaces an earlier one
//     and is never added to it.
//
// Web searches are counted where the provider says so: Anthropic in its usage,
// OpenAI responses by the items of the output. xAI's num_sources_used is no
// count of searches and is ignored.
//
// A [Listener] hears every payload, for counting tokens that no provider reports.
package usage

import (
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/stream"
)

// maxProbes is how many events of a stream are parsed in search of the model.
// The first one names it, except where a provider puts a notice before it.
const maxProbes = 4

// Meter reads the usage of one response body. It never keeps or alters the
// bytes it is given. Events that cannot matter are recognised by a search and
// not parsed.
//
// Memory is bounded: stream.MaxLine (1 MiB) each for a line and an event cut by
// a chunk border, and jsonpeek.MaxValue (64 KiB) for each of at most 13 members
// and for the one being read. In practice it is a few kilobytes, and none of it while events
// arrive whole. Longer lines are read piece by piece.
//
// The zero value ignores what it is fed until Reset. A Meter can be reused and
// is not safe for concurrent use.
type Meter struct {
	media  Media
	parser *parser
	lines  stream.Scanner
	doc    jsonpeek.Reader

	report   Report
	probes   int  // events that may still be parsed for the model
	terminal bool // the current Write held the terminal event
	parting  bool // a payload is being read in pieces

	anthropic anthropicUsage // what its events have said so far
	searches  int64          // web searches among the items of a responses stream
	finished  bool           // a Gemini chunk gave the reason why the answer ends

	length   int64 // of the body, if announced
	listener Listener
	events   int    // how many the current Write held
	payload  []byte // the last of them, valid in the Write
	notable  bool   // one of them was read
	routine  routine
	between  bool      // the next chunk begins an event that may be routine
	heard    [512]byte // routine events that the listener has not heard yet
	nheard   int

	known struct{ model, tier, geo memo } // what bodies said before; kept by Reset
	calm  calm                            // what events begin with; kept by Reset
}

// parser is how a format is read.
type parser struct {
	paths *jsonpeek.Paths

	// event decides whether a payload is worth parsing, and does so.
	event func(m *Meter, name, data []byte)

	// take reads the members of the parsed document. The name is that of the
	// event, if it came as one.
	take func(m *Meter, name []byte)

	// quiet is how to tell that nothing is to be read in a payload which begins
	// like one in which nothing was, by minCalm bytes at least.
	quiet quiet
}

var parsers = [numFormats]*parser{
	OpenAIChat:        openAIParser,
	OpenAIResponses:   responsesParser,
	OpenAIEmbeddings:  openAIParser,
	AnthropicMessages: anthropicParser,
	OllamaNative:      ollamaParser,
	Gemini:            geminiParser,
}

// Listener is given all that a response delivers, for counting the tokens that no
// provider reports. It must not keep or change what it is given.
type Listener interface {
	// Event takes a payload of a stream. The name is empty unless the event had
	// one that matters.
	Event(name, data []byte)
	// Part takes a piece of a payload that is too long to be held.
	Part(name, data []byte, last bool)
	// Shape tells how the payloads that come by Middles begin and end, until the
	// next Shape.
	Shape(prefix, suffix []byte)
	// Middles takes payloads of the shape last told: of each, one byte with the
	// length of what stands between beginning and end, and that.
	Middles(run []byte)
	// Bytes takes a piece of a body that is one JSON document.
	Bytes(p []byte)
}

// Listen has l hear the response that comes after the next Reset, and all later
// ones. Nil ends that.
func (m *Meter) Listen(l Listener) { m.listener = l }

// Reset prepares the meter for a response and keeps its buffers, unless they
// have grown large.
func (m *Meter) Reset(f Format, media Media) {
	m.media, m.parser = media, nil
	m.report = Report{}
	m.probes = maxProbes
	m.terminal, m.parting, m.finished = false, false, false
	m.anthropic = anthropicUsage{}
	m.searches = 0
	m.routine.reset()
	m.between, m.nheard = false, 0
	m.length = -1
	if int(f) < len(parsers) {
		m.parser = parsers[f]
	}
	switch media {
	case MediaSSE:
		m.lines.Reset(stream.SSE)
	case MediaNDJSON:
		m.lines.Reset(stream.NDJSON)
	case MediaJSON:
	default:
		m.parser = nil
	}
	if m.parser != nil {
		m.doc.Reset(m.parser.paths)
	}
}

// Expect names the model that is likely to answer, so that the report need not
// hold a new copy of its name. Models named by earlier bodies are expected
// anyway.
func (m *Meter) Expect(model string) { m.known.model.keep(model) }

// Announce tells the length of the body, after Reset and before the first Write. A
// document that comes whole is then read in less time.
func (m *Meter) Announce(length int64) { m.length = length }

// Write reads the next chunk of the body. It reports whether the chunk held the
// terminal event of the format, or the end of the JSON document.
func (m *Meter) Write(p []byte) (terminal bool) {
	if m.parser == nil {
		return false
	}
	if m.media == MediaJSON {
		return m.writeDocument(p)
	}
	if m.between && m.routine.covers(p) {
		if m.listener != nil {
			m.hear(p)
		}
		return false
	}
	m.terminal, m.events, m.notable = false, 0, false
	m.lines.Write(p, (*tap)(m))
	began := m.between
	m.between = m.parser.quiet != neverQuiet && m.lines.Between()
	if began && m.between && m.events == 1 && !m.notable {
		m.tell() // of the shape that was
		m.routine.learn(p, m.payload, m.parser.quiet)
	}
	m.payload = nil
	return m.terminal
}

// writeDocument reads the next chunk of a body that is one document. The listener
// need not hear one that came whole and tells its usage.
func (m *Meter) writeDocument(p []byte) (end bool) {
	whole := m.doc.Whole(p, int64(len(p)) == m.length)
	if whole || m.doc.Write(p) {
		m.report.Complete, end = true, true
		m.parser.take(m, nil)
		m.doc.Forget()
	}
	if m.listener != nil && !(whole && m.report.Found) {
		m.listener.Bytes(p)
	}
	return end
}

// hear notes a routine event for the listener, of which only the middle is new. Many
// are handed over together.
func (m *Meter) hear(p []byte) {
	const few = 16
	n, from := m.nheard, len(m.routine.begin)
	size := len(p) - from - len(m.routine.end)
	if n > len(m.heard)-1-maxMiddle {
		m.tell()
		n = 0
	}
	m.nheard = n + 1 + size
	m.heard[n] = byte(size)
	if size <= few && from+few <= len(p) && n < len(m.heard)-few {
		*(*[few]byte)(m.heard[n+1 : n+1+few]) = [few]byte(p[from : from+few]) // quicker than to copy exactly
		return
	}
	copy(m.heard[n+1:], p[from:from+size])
}

// tell hands over what the listener has not heard yet.
func (m *Meter) tell() {
	if m.nheard == 0 {
		return
	}
	if !m.routine.told {
		m.routine.told = true
		m.listener.Shape(m.routine.payload())
	}
	m.listener.Middles(m.heard[:m.nheard])
	m.nheard = 0
}

// Report returns what is known so far.
func (m *Meter) Report() Report {
	r := m.report
	if m.media == MediaJSON && m.parser != nil && m.doc.Broken() {
		r.Malformed = true
	}
	return r
}

// Finish handles the end of the body, whether it came as planned or not, and
// returns the final report.
func (m *Meter) Finish() Report {
	if m.parser == nil {
		return m.report
	}
	if m.media != MediaJSON {
		m.tell()
		m.lines.Finish((*tap)(m))
	} else if !m.doc.Done() {
		m.parser.take(m, nil) // cut: what came before still counts
	}
	if m.finished {
		m.report.Complete = true
	}
	return m.Report()
}

// end notes the terminal event.
func (m *Meter) end() {
	m.terminal, m.notable = true, true
	m.report.Complete = true
}

// fail notes an event that reports an error.
func (m *Meter) fail() { m.notable, m.report.Failed = true, true }

// tap is the meter as its line scanner sees it.
type tap Meter

// Event receives a payload.
func (t *tap) Event(name, data []byte) {
	m := (*Meter)(t)
	m.events++
	m.payload = data
	if m.listener != nil {
		m.tell()
		m.listener.Event(name, data)
	}
	m.parser.event(m, name, data)
}

// Part receives a piece of a payload too long to be held.
func (t *tap) Part(name, data []byte, last bool) {
	m := (*Meter)(t)
	m.notable = true
	if m.listener != nil {
		m.tell()
		m.listener.Part(name, data, last)
	}
	if !m.parting {
		m.parting = true
		m.doc.Reset(m.parser.paths)
	}
	m.doc.Write(data)
	if last {
		m.parting = false
		m.taken(name)
	}
}

// parse reads a payload as a document of its own.
func (m *Meter) parse(name, data []byte) {
	m.notable = true
	m.doc.Reset(m.parser.paths)
	if !m.doc.Whole(data, true) {
		m.doc.Write(data)
	}
	m.taken(name)
	m.doc.Forget()
}

// taken evaluates the document just read.
func (m *Meter) taken(name []byte) {
	m.probes--
	if !m.doc.Done() || m.doc.Broken() {
		m.report.Malformed = true
		return
	}
	m.parser.take(m, name)
	if m.report.Model != "" {
		m.probes = 0
	}
}

// probing reports whether the model is still looked for.
func (m *Meter) probing() bool { return m.probes > 0 }
