// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

const servedMembers = 15

// served are members by which a provider is told to do more than to answer once,
// and what they tell.
var served = [servedMembers]struct{ name, what string }{
	{"background", "the answer is produced in the background"},
	{"deferred", "the answer is produced in the background"},
	{"web_search_options", "it has the provider search the web"},
	{"search_parameters", "it has the provider search the web"},
	{"search_options", "it has the provider search the web"},
	{"enable_search", "it has the provider search the web"},
	{"search_settings", "it has the provider search the web"},
	{"data_sources", "it has the provider search data that it holds"},
	{"plugins", "it uses plugins of the provider"},
	{"models", "it names several models"},
	{"fallbacks", "it names several models"},
	{"mcp_servers", "it uses tools that the provider runs"},
	{"container", "it uses tools that the provider runs"},
	{"cachedContent", "its cached content may hold tools that the provider runs"},
	{"cached_content", "its cached content may hold tools that the provider runs"},
}

// served looks at what makes a provider do more than to answer once with the
// model that is named.
func (r *bounder) served() {
	for i, s := range served {
		if r.set(firstServed + i) {
			r.unbounded(s.what)
		}
	}
	model := strings.ToLower(r.call.Model)
	for _, mark := range [...]string{"search-preview", "search-api", "deep-research", "sonar", "compound", ":online"} {
		if strings.Contains(model, mark) {
			r.unbounded("the model searches the web by itself")
		}
	}
	if r.set(inTemplate) || r.set(inChatTemplate) {
		r.refers("a template of its own")
	}
	switch r.call.Format { //nolint:exhaustive // the others have nothing of the kind
	case usage.OpenAIResponses:
		if r.set(inPrompt) {
			r.unbounded("its stored prompt may hold tools that the provider runs")
		}
		if r.set(inPrevious) || r.set(inConversation) {
			r.refers("an earlier conversation")
		}
		if r.set(inContextManagement) {
			r.unbounded("the provider may shorten its context by a call of its own")
		}
	case usage.AnthropicMessages:
		if r.set(inContextManagement) && !clears(r.members[inContextManagement]) {
			r.unbounded("the provider may shorten its context by a call of its own")
		}
		if r.set(inSpeed) && string(r.members[inSpeed]) != `"standard"` {
			r.unbounded("it asks for a speed whose price is not known")
		}
	}
}

// clears says that all that is done to the context is to leave something out.
func clears(raw []byte) (ok bool) {
	ok = true
	err := jsonpeek.Object(raw, func(name, value []byte) bool {
		if string(name) != "edits" {
			ok = false
			return false
		}
		err := jsonpeek.Array(value, func(edit []byte) bool {
			err := jsonpeek.Object(edit, func(name, value []byte) bool {
				ok = ok && (string(name) != "type" || bytes.HasPrefix(value, []byte(`"clear_`)))
				return true
			})
			ok = ok && err == nil
			return true
		})
		ok = ok && err == nil
		return true
	})
	return ok && err == nil
}
