// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// served is ResponseHeader for an answer that a response cache gives, without a call of
// the upstream. It costs nothing, so that it is neither read nor held: the call stays
// unmetered, and is recorded by the name of the model that was asked for. Only what the
// gateway has asked for in place of the client is removed, as from any other answer.
func (m *meter) served(h http.Header) {
	switch media := usage.MediaOf(first(h["Content-Type"])); {
	case media == usage.MediaSSE && m.filtering && isPlain(all(h["Content-Encoding"])):
		m.edit(h)
	case media == usage.MediaJSON && !m.handler.HeadersOff && !m.rq.LLM.Stream:
		h[headerCost] = []string{"0"}
	}
}
