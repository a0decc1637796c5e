// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package llmreplay turns the answer of a model API from a stream into the whole
// document and back, so that one stored answer serves clients of both kinds. The
// wire format stays what it was.
//
// [Whole] makes of a complete recorded stream the document that the provider would
// have answered without streaming. [Stream] makes of such a document the stream that
// the provider would have sent: the same events in the same order, with the texts in
// pieces. [Events] cuts either kind of stream into what is to be written and flushed
// at a time. [DropUsage] and [AddUsage] make a stream of chat completions tell its
// usage or not, as the client asked.
//
// # What is put together, and how
//
// Texts that a format streams in pieces are joined: content, reasoning, refusals,
// arguments of calls, signatures. Lists that it streams in pieces, such as log
// probabilities and citations, are joined as well. Of other members the last value
// counts that is not null. Members that are unknown are kept: in a chunk by the same
// rule, in a delta only as long as they do not come with two values, because there is
// no telling whether these are pieces of one or replace each other.
//
// Text is never decoded: it passes with the escapes it came with. Numbers keep the
// spelling they have.
//
// What cannot be turned round faithfully is an error, never a guess. Such an answer
// can only be replayed as it was recorded. These are: audio in chats, whose pieces are
// encoded one by one; contents that are lists in chats; names of tools that are
// repeated in pieces; arguments that Gemini streams by paths; kinds of events and
// deltas that are not known; and answers that are not complete, hold an error, or are
// not what the format promises.
//
// # What gets lost
//
// Padding (obfuscation) and the index of tool calls are no part of whole answers.
// Adjacent texts of Gemini become one part. A stream that was recorded without its
// usage has none as a document either.
package llmreplay

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Reason says in one word why an answer cannot be turned round. It is meant for
// metrics and logs.
type Reason string

// The reasons.
const (
	Unsupported Reason = "unsupported" // it holds what cannot be turned round faithfully
	Truncated   Reason = "truncated"   // its end is missing
	Failed      Reason = "failed"      // it holds or is an error
	Malformed   Reason = "malformed"   // it is not what the format promises
)

// Error says why an answer cannot be turned round. It never quotes the answer.
type Error struct {
	Reason Reason
	Detail string
}

// Error names the reason and the place.
func (e *Error) Error() string { return "replay answer: " + string(e.Reason) + ": " + e.Detail }

func unsupported(detail string) error { return &Error{Unsupported, detail} }
func truncated(detail string) error   { return &Error{Truncated, detail} }
func failed(detail string) error      { return &Error{Failed, detail} }
func malformed(detail string) error   { return &Error{Malformed, detail} }

// Options say how a client wants its stream.
type Options struct {
	// IncludeUsage is set if the client asked a chat for its usage
	// (stream_options.include_usage). Other formats always tell it.
	IncludeUsage bool

	// Array is set if the client of Gemini did not ask for server-sent events
	// (alt=sse): the stream is then one JSON array.
	Array bool
}

// Whole returns the document that a complete stream amounts to. The stream is taken
// as the upstream sent it: server-sent events, lines of JSON or, from Gemini, an
// array. The operation is that of usage.EndpointOf. The error is an *Error.
//
// Memory and time are linear in the size of the stream. The result does not alias
// it.
func Whole(format usage.Format, operation string, stream []byte) ([]byte, error) {
	switch {
	case format == usage.OpenAIChat && (operation == "chat" || operation == "completions"):
		return wholeChat(operation, stream)
	case format == usage.OpenAIResponses && operation == "responses":
		return wholeResponse(stream)
	case format == usage.AnthropicMessages && operation == "messages":
		return wholeMessage(stream)
	case format == usage.OllamaNative && (operation == "chat" || operation == "generate"):
		return wholeOllama(operation, stream)
	case format == usage.Gemini && operation == "generate":
		return wholeGemini(stream)
	}
	return nil, unsupported("this operation does not stream")
}

// Stream returns the stream that a whole answer would have been. The error is an
// *Error.
//
// A text becomes pieces of some 24 to 60 bytes that end at spaces where they can and
// never within a character, and at most 512 of them. A stream is about six times the
// size of a long answer, because each piece comes with what its format wraps it in;
// what a format repeats in each event is refused beyond 2 KiB, and so is a stream that
// is more than 32 times as long as the answer, once it is beyond 64 KiB as well.
func Stream(format usage.Format, operation string, whole []byte, o Options) ([]byte, error) {
	switch {
	case format == usage.OpenAIChat && (operation == "chat" || operation == "completions"):
		return with(whole, func(doc []byte) ([]byte, error) { return streamChat(operation, doc, o.IncludeUsage) })
	case format == usage.OpenAIResponses && operation == "responses":
		return with(whole, streamResponse)
	case format == usage.AnthropicMessages && operation == "messages":
		return with(whole, streamMessage)
	case format == usage.OllamaNative && (operation == "chat" || operation == "generate"):
		return with(whole, func(doc []byte) ([]byte, error) { return streamOllama(operation, doc) })
	case format == usage.Gemini && operation == "generate":
		return with(whole, func(doc []byte) ([]byte, error) { return streamGemini(doc, o.Array) })
	}
	return nil, unsupported("this operation does not stream")
}

// with validates a whole answer and puts it into one line, because neither events nor
// lines may hold line ends.
func with(whole []byte, stream func(doc []byte) ([]byte, error)) ([]byte, error) {
	if err := valid(whole); err != nil {
		return nil, err
	}
	return stream(oneLine(whole))
}

var noNames = jsonpeek.NewNames()

// valid checks that a document is a JSON object. Halves of a pair of surrogates may
// stand alone, since some servers cut texts between them.
func valid(doc []byte) error {
	err := jsonpeek.Scan(doc, noNames, nil)
	if err == nil {
		return nil
	}
	var syntax *jsonpeek.SyntaxError
	if errors.As(err, &syntax) && syntax.Msg == "lone surrogate" && json.Valid(doc) && utf8.Valid(doc) {
		return nil
	}
	return malformed("not a JSON object")
}

// fields are members of a document that are read in the pass that validates it.
type fields struct {
	names *jsonpeek.Names
	list  []string
}

func newFields(names ...string) *fields { return &fields{jsonpeek.NewNames(names...), names} }

// read is valid, and sets out to the values of the members, nil for those that are not
// there. None may come twice.
func (f *fields) read(doc []byte, out [][]byte) error {
	err := jsonpeek.Scan(doc, f.names, out)
	if err == nil {
		return nil
	}
	if _, twice := errors.AsType[*jsonpeek.DuplicateError](err); twice {
		return malformed("a member is given twice")
	}
	if err := valid(doc); err != nil {
		return err
	}
	for i, name := range f.list[:len(out)] {
		out[i] = memberOf(doc, name) //nolint:gosec // the range is that of out
	}
	return nil
}

// each calls fn for every member of an object until it fails.
func each(raw []byte, fn func(name, value []byte) error) error {
	var stopped error
	err := jsonpeek.Object(raw, func(name, value []byte) bool {
		stopped = fn(name, value)
		return stopped == nil
	})
	if err != nil {
		return malformed("an object is expected")
	}
	return stopped
}

// eachOf calls fn for every element of an array until it fails.
func eachOf(raw []byte, fn func(value []byte) error) error {
	var stopped error
	err := jsonpeek.Array(raw, func(value []byte) bool {
		stopped = fn(value)
		return stopped == nil
	})
	if err != nil {
		return malformed("an array is expected")
	}
	return stopped
}

// memberOf returns the value of a member, or nil.
func memberOf(raw []byte, name string) []byte {
	var found []byte
	_ = each(raw, func(n, value []byte) error {
		if string(n) == name {
			found = value
		}
		return nil
	})
	return found
}
