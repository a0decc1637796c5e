// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"strings"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// logObject writes the state into an access-log line as the object "gateway".
// It is evaluated when the line is written, after the request is settled.
type logObject struct{ rq *Request }

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o logObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	rq := o.rq
	enc.AddString("correlation_id", rq.ID())
	enc.AddString("route", rq.RouteName())
	if c := rq.Credential; c != nil {
		enc.AddString("consumer", c.Consumer.Name)
		if rq.Anonymous {
			enc.AddBool("anonymous", true)
		} else {
			enc.AddString("credential", c.ID)
		}
		if len(c.Tags) > 0 {
			enc.AddString("tags", strings.Join(c.Tags, " "))
		}
	}
	if rq.Failure.Code != "" {
		enc.AddString("error", rq.Failure.Code)
	}
	if rq.aborted {
		enc.AddBool("aborted", true)
	}
	if n := rq.upstreamAttempts(); n > 0 {
		enc.AddInt("upstream_attempts", n)
	}
	if rq.Quota.Name != "" {
		if err := enc.AddObject("quota", quotaLogObject{&rq.Quota}); err != nil {
			return err
		}
	}
	if rq.APIVersion.Name != "" {
		enc.AddString("api_version", rq.APIVersion.Name)
	}
	if rq.Language.Source != "" {
		if err := enc.AddObject("language", languageLogObject{&rq.Language}); err != nil {
			return err
		}
	}
	if rq.Cache.Status != "" {
		if err := enc.AddObject("cache", cacheLogObject{&rq.Cache}); err != nil {
			return err
		}
	}
	if rq.LLM.Provider == "" {
		return nil
	}
	return enc.AddObject("llm", llmLogObject{&rq.LLM})
}

type quotaLogObject struct{ q *Quota }

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o quotaLogObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	q := o.q
	enc.AddString("name", q.Name)
	enc.AddString("unit", q.Unit)
	enc.AddString("window", q.Window)
	enc.AddInt64("limit", q.Limit)
	enc.AddInt64("remaining", q.Remaining)
	if q.Denied {
		enc.AddBool("denied", true)
	}
	if q.Shadow {
		enc.AddBool("shadow_denied", true)
	}
	if q.Degraded {
		enc.AddBool("degraded", true)
	}
	return nil
}

type llmLogObject struct{ l *LLM }

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o llmLogObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	l := o.l
	enc.AddString("provider", l.Provider)
	if l.Endpoint.Operation != "" {
		enc.AddString("operation", l.Endpoint.Operation)
	}
	if l.Model != "" {
		enc.AddString("model", l.Model)
	}
	if l.Report.Model != "" && l.Report.Model != l.Model {
		enc.AddString("response_model", l.Report.Model)
	}
	enc.AddBool("stream", l.Stream)
	if !l.Metered {
		return nil
	}
	for c := range usage.Class(usage.NumClasses) {
		if n := l.Report.Counts[c]; n != 0 {
			enc.AddInt64("tokens_"+c.String(), n)
		}
	}
	enc.AddBool("usage_found", l.Report.Found)
	enc.AddBool("exact", l.Exact())
	if l.Estimated {
		enc.AddString("estimated_with", l.Tokenizer)
	}
	if l.Report.ServiceTier != "" {
		enc.AddString("service_tier", l.Report.ServiceTier)
	}
	if l.Report.Malformed {
		enc.AddBool("malformed", true)
	}
	if l.Truncated {
		enc.AddBool("truncated", true)
	}
	if l.PriceKnown {
		enc.AddString("cost_usd", l.Cost.String())
	} else {
		enc.AddString("cost_usd", "unknown")
	}
	return nil
}

// Interface guards
var (
	_ zapcore.ObjectMarshaler = logObject{}
	_ zapcore.ObjectMarshaler = quotaLogObject{}
	_ zapcore.ObjectMarshaler = llmLogObject{}
)
