// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
	"github.com/caddy-gateway/tollgate/modules/internal/usagefilter"
)

// ask adds stream_options.include_usage to a streamed call of OpenAI's that does
// not have it. Whether it did is returned: what it adds to the answer is to be
// removed again. The body has been validated.
func (h *Handler) ask(r *http.Request, rq *state.Request, q *question) bool {
	llm := &rq.LLM
	if h.AskUsageOff || !llm.Stream || llm.Endpoint.Format != usage.OpenAIChat || llm.Endpoint.Operation == "" {
		return false
	}
	edited, changed, err := usagefilter.Ask(q.body, q.members[memberStreamOptions])
	if err != nil || !changed {
		return false // the options are of a wrong type, which is the upstream's to refuse
	}
	rq.SetBody(r, edited)
	return true
}

// acceptReadable limits what the answer may be compressed with to what can be read
// while it passes. A stream is not compressed at all: its events are too small to
// gain by it, and an edited one would have to be compressed anew.
func acceptReadable(h http.Header, stream bool) {
	values := h["Accept-Encoding"]
	if !stream && len(values) == 1 && readable(values[0]) {
		return
	}
	var kept []string
	if !stream {
		for _, v := range values {
			for coding := range strings.SplitSeq(v, ",") {
				if coding = strings.Trim(coding, " \t"); readable(coding) {
					kept = append(kept, coding)
				}
			}
		}
	}
	if len(kept) == 0 {
		kept = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(kept, ", ")}
}

// readable says that value is one coding, perhaps with a weight, that the gateway
// can read.
func readable(value string) bool {
	name, _, _ := strings.Cut(value, ";")
	switch strings.ToLower(strings.Trim(name, " \t")) {
	case "gzip", "x-gzip", "br", "zstd", "identity":
		return true
	}
	return false
}
