// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/cachekey"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// call is what a model call asks for, and in which form.
type call struct {
	is       bool
	endpoint usage.Endpoint
	stream   bool // the client wants a stream
	array    bool // of Gemini, as one JSON array
	asked    bool // the client of a chat wants to be told the usage
}

// Members of a request that are looked at.
const (
	memberStream = iota
	memberStreamOptions
	memberTemperature
	memberTopK
	memberOptions          // of Ollama
	memberGenerationConfig // of Gemini
	memberGenerationConfigSnake
	memberBackground
	memberConversation
	memberTools // and those behind it
	memberFunctions
	memberServers
	memberWebSearch
	numMembers
)

var callMembers = jsonpeek.NewNames("stream", "stream_options", "temperature", "top_k", "options", "generationConfig", "generation_config",
	"background", "conversation", "tools", "functions", "mcp_servers", "web_search_options")

// endpointOf says what model call the request is, if it is one.
func (v *visit) endpointOf() usage.Endpoint {
	if ep := v.rq.LLM.Endpoint; ep != (usage.Endpoint{}) {
		return ep
	}
	return usage.EndpointOf(v.r.Method, v.r.URL.Path)
}

// readBody reads the body of a POST, and says why it cannot be a part of the key.
func (v *visit) readBody() (body []byte, reason string, err error) {
	switch values := v.r.Header["Content-Encoding"]; {
	case len(values) > 0 && !(len(values) == 1 && (values[0] == "" || strings.EqualFold(values[0], "identity"))):
		return nil, reasonEncoding, nil
	case v.r.Header["Incremental"] != nil:
		return nil, reasonIncremental, nil
	}
	body, whole, err := v.rq.BodyWithin(v.r, v.h.MaxBody)
	switch {
	case err != nil:
		return nil, "", err
	case !whole:
		return nil, reasonTooLarge, nil
	}
	return body, "", nil
}

// callKey reads what a model call asks for and sets its key, or says why it is not cached.
func (v *visit) callKey(body []byte) (reason string) {
	c := &v.call
	var members [numMembers][]byte
	if err := jsonpeek.Scan(body, callMembers, members[:]); err != nil {
		if _, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
			return reasonDuplicate
		}
		return reasonNotJSON
	}
	c.read(&members, v.r.URL.RawQuery)
	if reason := v.h.refuses(c, &members); reason != "" {
		return reason
	}
	hs := cachekey.New()
	defer hs.Release()
	if !v.begin(hs, "call", http.MethodPost) {
		return reasonCredential
	}
	some(hs, "provider", v.rq.LLM.Provider)
	hs.Text("format", strconv.Itoa(int(c.endpoint.Format)))
	for _, name := range callHeaders {
		if values := v.r.Header[name]; len(values) > 0 {
			hs.Header(name, values)
		}
	}
	hs.List("ignored", v.h.IgnoreFields)
	if err := hs.JSON("body", body, v.h.rules.callIgnore); err != nil {
		return jsonReason(err)
	}
	return v.setKey(hs)
}

// read reads in which form the client wants the answer.
func (c *call) read(members *[numMembers][]byte, query string) {
	switch c.endpoint.Format {
	case usage.Gemini:
		c.stream = c.endpoint.Stream
		c.array = c.stream && !strings.Contains("&"+query+"&", "&alt=sse&")
	case usage.OllamaNative:
		c.stream = c.endpoint.Operation != "embeddings"
		fallthrough
	default:
		if raw := members[memberStream]; !jsonpeek.IsNull(raw) {
			c.stream, _ = jsonpeek.Bool(raw)
		}
	}
	if raw := members[memberStreamOptions]; c.endpoint.Format == usage.OpenAIChat && raw != nil {
		_ = jsonpeek.Object(raw, func(name, value []byte) bool { // else it is the upstream's to refuse
			if string(name) == "include_usage" {
				c.asked, _ = jsonpeek.Bool(value)
			}
			return true
		})
	}
}

// refuses says why a call is not cached.
func (h *Handler) refuses(c *call, members *[numMembers][]byte) (reason string) {
	if on, _ := jsonpeek.Bool(members[memberBackground]); on {
		return reasonBackground
	}
	if !jsonpeek.IsNull(members[memberConversation]) {
		return reasonConversation
	}
	if !h.Tools {
		for _, raw := range members[memberTools:] {
			if !blank(raw) {
				return reasonTools
			}
		}
	}
	if h.Sampling == SamplingAny || c.endpoint.Operation == "embeddings" {
		return ""
	}
	temperature, topK := members[memberTemperature], members[memberTopK]
	for _, nested := range [...][]byte{members[memberOptions], members[memberGenerationConfig], members[memberGenerationConfigSnake]} {
		if nested == nil {
			continue
		}
		_ = jsonpeek.Object(nested, func(name, value []byte) bool {
			switch string(name) {
			case "temperature":
				temperature = value
			case "top_k", "topK":
				topK = value
			}
			return true
		})
	}
	if n, ok := jsonpeek.Int(topK); ok && n == 1 {
		return ""
	}
	highest := 0.0
	if h.Sampling == SamplingTemperature {
		highest = h.MaxTemperature
	}
	if t, err := strconv.ParseFloat(string(temperature), 64); err == nil && t >= 0 && t <= highest {
		return ""
	}
	return reasonTemperature
}

// blank says that a list of tools is not there, or there are none in it.
func blank(raw []byte) bool {
	if jsonpeek.IsNull(raw) {
		return true
	}
	raw = bytes.TrimSpace(raw)
	return len(raw) >= 2 && raw[0] == '[' && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
}

// jsonReason says why a document has no key.
func jsonReason(err error) string {
	if e, ok := errors.AsType[*cachekey.Error](err); ok {
		return string(e.Reason)
	}
	return reasonNotJSON
}
