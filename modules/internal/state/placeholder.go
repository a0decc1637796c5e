// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// userIDPlaceholder is where Caddy's own authentication keeps the caller's
// name, and where its access log looks for it.
const userIDPlaceholder = "http.auth.user.id"

// placeholder serves {gateway.*}, and {http.auth.user.id} for callers that the
// gateway has identified, from the state when it is asked for; nothing is
// copied into the replacer beforehand. Unknown names are left to others.
func (rq *Request) placeholder(key string) (any, bool) {
	name, ok := strings.CutPrefix(key, "gateway.")
	if !ok {
		if key == userIDPlaceholder && rq.Credential != nil && !rq.Anonymous {
			return rq.Credential.Consumer.Name, true
		}
		return nil, false
	}
	switch name {
	case "correlation_id":
		return rq.ID(), true
	case "route":
		return rq.RouteName(), true
	case "error.code":
		return rq.Failure.Code, true
	case "error.message":
		return rq.Failure.Message, true
	}
	if sub, ok := strings.CutPrefix(name, "consumer."); ok {
		return rq.consumerPlaceholder(sub)
	}
	if name == "credential.id" {
		if rq.Credential == nil {
			return "", true
		}
		return rq.Credential.ID, true
	}
	if sub, ok := strings.CutPrefix(name, "token."); ok {
		return rq.Token.placeholder(sub)
	}
	if sub, ok := strings.CutPrefix(name, "llm."); ok {
		return rq.LLM.placeholder(sub)
	}
	if sub, ok := strings.CutPrefix(name, "quota."); ok {
		return rq.Quota.placeholder(sub)
	}
	if sub, ok := strings.CutPrefix(name, "cache."); ok {
		return rq.Cache.placeholder(sub)
	}
	if strings.HasPrefix(name, "api_version") {
		return rq.APIVersion.placeholder(name)
	}
	return rq.Language.placeholder(name)
}

func (q *Quota) placeholder(name string) (any, bool) {
	if q.Name == "" {
		switch name {
		case "name", "unit", "window", "limit", "remaining", "reset", "denied", "shadow_denied":
			return "", true
		}
		return nil, false
	}
	switch name {
	case "name":
		return q.Name, true
	case "unit":
		return q.Unit, true
	case "window":
		return q.Window, true
	case "limit":
		return q.Limit, true
	case "remaining":
		return q.Remaining, true
	case "reset":
		return int64((q.Reset + time.Second - 1) / time.Second), true
	case "denied":
		return strconv.FormatBool(q.Denied), true
	case "shadow_denied":
		return strconv.FormatBool(q.Shadow), true
	}
	return nil, false
}

func (rq *Request) consumerPlaceholder(name string) (any, bool) {
	c := rq.Credential
	if name == "anonymous" {
		return strconv.FormatBool(rq.Anonymous), true
	}
	if c == nil {
		switch name {
		case "name", "custom_id", "groups", "tags":
			return "", true
		}
		return nil, false
	}
	switch name {
	case "name":
		return c.Consumer.Name, true
	case "custom_id":
		return c.Consumer.CustomID, true
	case "groups":
		return strings.Join(c.Groups, " "), true
	case "tags":
		return strings.Join(c.Tags, " "), true
	}
	return nil, false
}

func (l *LLM) placeholder(name string) (any, bool) {
	switch name {
	case "provider":
		return l.Provider, true
	case "model":
		return l.Model, true
	case "response_model":
		return l.Report.Model, true
	case "operation":
		return l.Endpoint.Operation, true
	case "stream":
		return strconv.FormatBool(l.Stream), true
	case "service_tier":
		return l.Report.ServiceTier, true
	case "tokens":
		return l.Report.Counts.Total(), true
	case "input_tokens":
		return l.Report.Counts.TotalInput(), true
	case "output_tokens":
		return l.Report.Counts.TotalOutput(), true
	case "cost":
		if !l.PriceKnown {
			return "", true
		}
		return l.Cost.String(), true
	case "exact":
		return strconv.FormatBool(l.Exact()), true
	case "estimated":
		return strconv.FormatBool(l.Estimated), true
	case "tokenizer":
		return l.Tokenizer, true
	case "truncated":
		return strconv.FormatBool(l.Truncated), true
	}
	if class, ok := strings.CutPrefix(name, "tokens."); ok {
		for c := range usage.Class(usage.NumClasses) {
			if c.String() == class {
				return l.Report.Counts[c], true
			}
		}
	}
	return nil, false
}

// Exact says that the provider itself reported the complete usage.
func (l *LLM) Exact() bool {
	return l.Report.Found && !l.Report.OutputPartial && !l.Report.Malformed && !l.Estimated
}
