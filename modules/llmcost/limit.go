// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/caddy-gateway/tollgate/modules/internal/estimate"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonedit"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// limit lowers the limits of the request to most, and adds one where none is named that
// the server minds for sure. Nothing else of the body changes.
func (m *meter) limit(r *http.Request, b *estimate.Bounds, most int64) error {
	body, changed := m.rq.BufferedBody(), false
	set := func(l *estimate.Limit, tokens int64) error {
		edited, err := jsonedit.Set(body, l.Path, strconv.AppendInt(nil, tokens, 10))
		if err != nil {
			return refuseField(err)
		}
		body, changed, l.Tokens = edited, true, tokens
		return nil
	}
	lowest := most
	for i := range b.Limits {
		l := &b.Limits[i]
		if l.Tokens > most {
			if err := set(l, most); err != nil {
				return err
			}
		}
		if l.Tokens != estimate.None {
			lowest = min(lowest, l.Tokens)
		}
	}
	if b.PerAnswer() == estimate.None {
		for i := range b.Limits {
			if l := &b.Limits[i]; l.Sure {
				if err := set(l, lowest); err != nil {
					return err
				}
				break
			}
		}
	}
	if !changed {
		return nil
	}
	if b.Thinking >= most {
		return state.Deny(http.StatusBadRequest, "output_limit_too_low",
			"Answers are limited to "+strconv.FormatInt(most, 10)+" tokens here, and thinking.budget_tokens has to be less than that; it is "+
				strconv.FormatInt(b.Thinking, 10))
	}
	m.rq.SetBody(r, body)
	return nil
}

// refuseField refuses a request whose limits cannot be read.
func refuseField(err error) error {
	field, ok := errors.AsType[*estimate.FieldError](err)
	if !ok {
		return refuseBody(err)
	}
	code := "invalid_max_tokens"
	if field.Count {
		code = "invalid_n"
	}
	return state.Deny(http.StatusBadRequest, code, "The member "+field.Name+" must be "+field.Want)
}
