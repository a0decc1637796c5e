// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// limits is the handler of /gateway/limits.
func (a *adminAPI) limits() caddy.AdminHandlerFunc {
	return a.accepting(methods{http.MethodGet, http.MethodHead, http.MethodDelete}, serveLimits, "consumer", "quota", "subject", "limit")
}

func serveLimits(a *App, w http.ResponseWriter, r *http.Request, query url.Values) error {
	for name, values := range query {
		if values[0] == "" {
			return adminError(http.StatusBadRequest, "parameter %s is empty; leave it out, or give it a value", name)
		}
	}
	q := limitQuery{query.Get("consumer"), query.Get("quota"), query.Get("subject"), query.Get("limit")}
	list, err := q.find(a)
	if err != nil {
		return err
	}
	if r.Method == http.MethodDelete {
		return a.resetLimits(w, r, &q, list)
	}
	if err := a.look(r.Context(), list); err != nil {
		return err
	}
	answer := limitList{Consumer: q.consumer, Limits: viewLimits(list, time.Now())}
	if err := a.Limits().Err(); err != nil {
		answer.Warning = err.Error()
	}
	return writeAdmin(w, answer)
}

// limitReset is the answer of DELETE /gateway/limits.
type limitReset struct {
	// Reset are the limits that begin anew, as they stood before.
	Reset []limitView `json:"reset"`
	// Kept are those that were left as they are.
	Kept []keptLimit `json:"kept,omitempty"`
}

// keptLimit is a limit that was not reset, and why.
type keptLimit struct {
	Quota  string `json:"quota"`
	Text   string `json:"limit_text"`
	Reason string `json:"reason"`
}

// kept says why a limit is not reset, if it is not.
func (q *limitQuery) kept(l *LimitOf) string {
	switch {
	case l.Check.Rule.Unit == limits.Concurrent:
		return "requests in flight are free again when they end"
	case l.Shared && q.quota == "":
		return "it counts others as well; name its quota to reset it for all of them"
	}
	return ""
}

// resetLimits forgets what was counted, says so in the audit log, and answers with
// what there was.
func (a *App) resetLimits(w http.ResponseWriter, r *http.Request, q *limitQuery, list []LimitOf) error {
	var answer limitReset
	var reset []LimitOf
	var reasons []string
	for i := range list {
		l := &list[i]
		reason := q.kept(l)
		if reason == "" {
			reset = append(reset, *l)
			continue
		}
		answer.Kept = append(answer.Kept, keptLimit{l.Quota, l.Text, reason})
		reasons = append(reasons, l.Text+" of "+l.Quota+": "+reason)
	}
	switch {
	case len(list) == 0:
		return adminError(http.StatusNotFound, "no limit counts consumer %q by itself", q.consumer)
	case len(reset) == 0:
		return adminError(http.StatusConflict, "nothing was reset; %s", strings.Join(reasons, "; "))
	}
	if err := a.look(r.Context(), reset); err != nil {
		return err
	}
	answer.Reset = viewLimits(reset, time.Now())
	log := a.auditLog().With(zap.String("action", "limits_reset"), zap.String("remote", r.RemoteAddr), zap.Strings("limits", described(reset)))
	if q.consumer != "" {
		log = log.With(zap.String("consumer", q.consumer))
	}
	// Whoever asked may hang up meanwhile: what was begun is brought to its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storePatience)
	defer cancel()
	if err := a.Limits().Reset(ctx, checksOf(reset)); err != nil {
		log.Error("limits could not be reset, or not all of them", zap.Error(err))
		return adminError(http.StatusServiceUnavailable, "reset counters: %w", err)
	}
	log.Info("limits were reset")
	return writeAdmin(w, answer)
}

// described names limits in a log.
func described(list []LimitOf) []string {
	names := make([]string, len(list))
	for i := range list {
		l := &list[i]
		names[i] = l.Quota + ", by " + strings.TrimSpace(l.By+" "+l.Check.Key.Subject) + ": " + l.Text
	}
	return names
}
