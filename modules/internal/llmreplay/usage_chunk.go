// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usagefilter"
)

// DropUsage returns the stream of a chat as a client gets it that did not ask for the
// usage: without the chunk that tells it and without "usage" in other chunks. The
// result may be the stream itself.
func DropUsage(stream []byte) []byte {
	const chunk = 32 << 10 // what the filter edits at a time
	if !bytes.Contains(stream, []byte(`"usage"`)) {
		return stream
	}
	var f usagefilter.Filter
	out := make([]byte, 0, len(stream))
	for len(stream) > 0 {
		n := min(len(stream), chunk)
		out = append(out, f.Write(stream[:n])...)
		stream = stream[n:]
	}
	return append(out, f.Finish()...)
}

// AddUsage returns the stream of a chat with a chunk that tells the given usage, a
// JSON object, before its end. A stream that tells its usage is returned as it is. The
// error is an *Error; it does not say that the stream is complete in other respects.
func AddUsage(stream, told []byte) ([]byte, error) {
	if err := valid(told); err != nil {
		return nil, err
	}
	told = oneLine(told)
	var last []byte
	at, pos := -1, 0
	for event := range Events(stream) {
		err := eachPayload(event, func(data []byte) error {
			if string(data) == doneMark {
				at = pos
				return nil
			}
			if last = data; !jsonpeek.IsNull(memberOf(data, "usage")) {
				return errTold
			}
			return nil
		})
		if err == errTold { //nolint:errorlint // it is never wrapped
			return stream, nil
		}
		if err != nil {
			return nil, err
		}
		pos += len(event)
	}
	if at < 0 || last == nil {
		return nil, truncated("no [DONE]")
	}
	out := make([]byte, 0, len(stream)+len(told)+maxHead)
	out = append(append(out, stream[:at]...), "data: {"...)
	err := each(last, func(name, value []byte) error {
		switch string(name) {
		case "id", "object", "created", "model", "service_tier", "system_fingerprint":
			out = appendMember(out, string(name), value)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out = appendMember(appendMember(out, "choices", emptyArray), "usage", told)
	return append(append(out, "}\n\n"...), stream[at:]...), nil
}

var errTold error = &Error{Unsupported, "the usage is told"}
