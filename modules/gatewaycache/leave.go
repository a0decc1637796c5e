// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// leftAtEnd says that the client has left when it had the whole of a stream. Libraries do
// that at the last event, while the upstream may take its time to end the body, which the
// proxy then no longer reads. There is nothing to come: such a stream is as good as one
// that has ended.
func (c *capture) leftAtEnd() bool {
	v := c.v
	if !c.record || !v.call.is || c.expect >= 0 || v.r.Context().Err() == nil {
		return false
	}
	end := "\n"
	switch media := c.answer.media(); media {
	case usage.MediaNDJSON:
	case usage.MediaSSE:
		end = "\n\n"
	default:
		return false
	}
	pieces, whole := c.pieces()
	if !whole {
		return false
	}
	var m usage.Meter
	m.Reset(v.call.endpoint.Format, c.answer.media())
	terminal := false
	var tail []byte
	for _, p := range pieces {
		terminal = m.Write(p) || terminal
		tail = append(tail, p[max(0, len(p)-4):]...)
	}
	tail = bytes.ReplaceAll(tail, []byte("\r\n"), []byte("\n"))
	return terminal && bytes.HasSuffix(tail, []byte(end))
}
