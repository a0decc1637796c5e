// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"errors"
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Members of a request body that this handler, or one that shares its reading
// of the body, decides on.
const (
	memberModel = iota
	memberStream
	memberBackground
	memberStreamOptions
)

// decided lists them, and after them those that limit what an answer may cost.
var decided = jsonpeek.NewNames(
	"model", "stream", "background",
	"stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "n",
)

// readRequest reads model and stream. A path that names the model (Gemini)
// wins; the body is then still checked.
func (h *Handler) readRequest(r *http.Request, rq *state.Request, q *question) error {
	llm := &rq.LLM
	llm.Model, llm.Stream = llm.Endpoint.Model, llm.Endpoint.Stream
	body, err := rq.Body(r, h.MaxBody)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return state.Deny(http.StatusBadRequest, "invalid_json", "The request has no body; a model call needs a JSON object")
	}
	if err := jsonpeek.Scan(body, decided, q.members[:]); err != nil {
		return refuseBody(err)
	}
	if llm.Endpoint.Model == "" {
		if raw := q.members[memberModel]; raw != nil {
			model, ok := jsonpeek.String(raw)
			if !ok {
				return state.Deny(http.StatusBadRequest, "invalid_model", "The member model must be a string")
			}
			llm.Model = model
		}
		if q.background() && h.refuse {
			return state.Deny(http.StatusForbidden, "background_not_metered",
				"An answer that is produced in the background cannot be metered, and calls without a price are refused here")
		}
		llm.Stream = llm.Endpoint.StreamsByDefault()
		if raw := q.members[memberStream]; raw != nil && !jsonpeek.IsNull(raw) {
			stream, ok := jsonpeek.Bool(raw)
			if !ok {
				return state.Deny(http.StatusBadRequest, "invalid_stream", "The member stream must be true or false")
			}
			llm.Stream = stream
		}
	}
	q.body = body
	return nil
}

// question is what a request body says.
type question struct {
	body    []byte
	members [8][]byte // those that are decided on; parts of body
}

// background says that the answer is to be produced later.
func (q *question) background() bool {
	background, _ := jsonpeek.Bool(q.members[memberBackground])
	return background
}

func refuseBody(err error) error {
	if dup, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
		return state.Deny(http.StatusBadRequest, "ambiguous_field",
			"The member "+dup.Name+" is given more than once, or in another spelling, so that parsers may read different values")
	}
	return state.Deny(http.StatusBadRequest, "invalid_json", "The request body is not one valid JSON object: "+err.Error())
}

// admit holds the caller to its list of models, and every caller to models
// with a price where that is asked for. It returns the prices of the model that
// the request names, or nil.
func (h *Handler) admit(rq *state.Request, k kind) (*pricing.Model, error) {
	llm := &rq.LLM
	if c := rq.Credential; c != nil && c.HasModelList() {
		switch {
		case k != call:
			return nil, state.Deny(http.StatusForbidden, "endpoint_not_allowed",
				"This key may use certain models only, and the gateway cannot see which one this request uses or changes")
		case llm.Model == "":
			return nil, state.Deny(http.StatusForbidden, "model_not_readable",
				"This key may use certain models only, and this request does not say in a readable way which model it uses")
		case !c.AllowsModel(llm.Model):
			return nil, state.Deny(http.StatusForbidden, "model_not_allowed", "This key may not use the model "+quoteModel(llm.Model))
		case llm.Endpoint.Operation == "":
			return nil, state.Deny(http.StatusForbidden, "endpoint_not_allowed",
				"This key may use certain models only, and the gateway does not know what this endpoint does with one")
		}
	}
	var model *pricing.Model
	if llm.Model != "" {
		llm.Label = otherModel
		if m, ok := h.prices.Lookup(llm.Provider, llm.Model); ok {
			model = m
			llm.Label = label(m, llm.Model, false)
		}
	}
	if h.refuse && model == nil && k != manage {
		return nil, state.Deny(http.StatusForbidden, "model_price_unknown",
			"The gateway has no price for "+describe(llm.Model)+", and calls without a price are refused here")
	}
	return model, nil
}

// describe names a model in a message.
func describe(model string) string {
	if model == "" {
		return "a call that does not name its model"
	}
	return "the model " + quoteModel(model)
}

// quoteModel shows a name that the client sent, shortened.
func quoteModel(name string) string {
	const most = 100
	if len(name) > most {
		name = name[:most] + "..."
	}
	return "\"" + name + "\""
}
