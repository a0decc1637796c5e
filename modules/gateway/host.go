// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/http"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Record implements state.Host: it writes the request's one record, if it has
// a caller or was a model call.
func (a *App) Record(rq *state.Request) {
	llm := &rq.LLM
	if rq.Credential == nil && llm.Provider == "" {
		return
	}
	rec := ledger.Record{
		RequestID:  rq.String(),
		At:         rq.Start,
		Consumer:   rq.ConsumerName(),
		Provider:   llm.Provider,
		Model:      llm.Label,
		Route:      rq.RouteName(),
		Counts:     llm.Report.Counts,
		Cost:       llm.Cost,
		Uncached:   llm.Uncached,
		PriceKnown: llm.PriceKnown,
		Exact:      llm.Exact(),
		Failed:     rq.Failure.Status != 0 || rq.Status() >= http.StatusBadRequest || llm.Truncated || rq.Aborted(),
		LLM:        llm.Metered,
	}
	if cached(rq) {
		rec.Cached = true
		if rq.Cache.SavedKnown {
			rec.Avoided = rq.Cache.Saved
		}
	}
	if rq.Credential != nil {
		rec.Credential = rq.Credential.ID
		rec.Tags = rq.Credential.TagSet
	}
	a.book.Record(&rec)
	a.shared.metrics.settled(rq)
}

// cached says that a response cache has answered the call of a model. Of a request that
// is broken off before there is an answer, what a cache does to it is not for others to
// read (see state.Live).
func cached(rq *state.Request) bool {
	llm := &rq.LLM
	if llm.Provider == "" || llm.Metered || llm.Endpoint.Free || llm.Endpoint.Manages || rq.Aborted() && rq.Status() == 0 {
		return false
	}
	status := rq.Status()
	if status == 0 {
		status = rq.Failure.Status // of the answer to come
	}
	return status < http.StatusBadRequest && rq.Cache.Served()
}

// Live implements state.Host.
func (a *App) Live() *state.Live { return &a.live }

// Observe implements state.Host.
func (a *App) Observe(rq *state.Request, o state.Outcome) {
	a.shared.metrics.observe(rq, o)
	if rq.Language.Source != "" {
		a.shared.metrics.speak(rq)
	}
	if rq.APIVersion.Source != "" {
		a.shared.metrics.countVersion(rq)
	}
	a.CountCache(rq)
}

// LogPanic implements state.Host.
func (a *App) LogPanic(rq *state.Request, reason any) {
	a.logger.Error("settling a request panicked; it may be recorded without what it used",
		zap.String("correlation_id", rq.ID()), zap.Any("panic", reason), zap.Stack("stack"))
}

// LogError implements state.Host. Like Caddy's own error log it writes server
// errors at ERROR and everything else at DEBUG, without request headers. A refusal
// of the gateway is no error of the server, whatever its status: what is wrong is
// told once, by what has found it, and not with each request.
func (a *App) LogError(rq *state.Request, r *http.Request, err error) {
	level := zapcore.DebugLevel
	if rq.Failure.Status >= http.StatusInternalServerError && !rq.Failure.Denied {
		level = zapcore.ErrorLevel
	}
	entry := a.logger.Check(level, rq.Failure.Message)
	if entry == nil {
		return
	}
	fields := []zap.Field{
		zap.String("code", rq.Failure.Code),
		zap.Int("status", rq.Failure.Status),
		zap.String("correlation_id", rq.ID()),
		zap.String("route", rq.RouteName()),
		zap.String("consumer", rq.ConsumerName()),
		zap.String("method", r.Method),
		zap.String("host", r.Host),
		zap.String("path", r.URL.Path),
	}
	if he, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
		fields = append(fields, zap.String("err_id", he.ID), zap.String("err_trace", he.Trace))
		if _, ours := errors.AsType[*state.Denial](err); !ours && he.Err != nil {
			fields = append(fields, zap.NamedError("cause", he.Err))
		}
	} else {
		fields = append(fields, zap.NamedError("cause", err))
	}
	entry.Write(fields...)
}
