// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"maps"
)

// storeHealth says whether limits are as exact and durable as the store promises.
// A store that is not is held against nobody: the gateway goes on without it, so that
// it is degraded and has not failed.
func (a *App) storeHealth(context.Context) Health {
	s := a.counters.open.Load()
	h := Health{Status: HealthOK, Facts: map[string]any{"store": s.name}}
	if f, ok := s.OpenStore.(StoreFacts); ok {
		maps.Copy(h.Facts, f.Facts())
	}
	if err := s.Err(); err != nil {
		h.Status, h.Detail = HealthDegraded, err.Error()
		return h
	}
	s.mu.Lock()
	incident := s.incident
	s.mu.Unlock()
	if incident {
		h.Status, h.Detail = HealthDegraded, "the store was not as it should be until a moment ago"
	}
	return h
}
