// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// healthTimeout bounds how long all parts together may take to answer.
const healthTimeout = 2 * time.Second

type healthView struct {
	Status HealthStatus      `json:"status"`
	Parts  map[string]Health `json:"parts"`
}

// serveHealth answers with the worst state of any part: 503 if one has failed,
// else 200.
func serveHealth(a *App, w http.ResponseWriter, _ url.Values) error {
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	view := a.checkHealth(ctx)
	if view.Status == HealthFailed {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return writeAdmin(w, view)
}

func (a *App) checkHealth(ctx context.Context) healthView {
	view := healthView{Status: HealthOK, Parts: make(map[string]Health, len(a.parts))}
	for _, p := range a.parts {
		h := p.checker.Health(ctx)
		view.Parts[p.name] = h
		if h.Status == HealthFailed || view.Status == HealthOK {
			view.Status = h.Status
		}
	}
	return view
}
