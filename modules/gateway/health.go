// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import "context"

// HealthStatus is how a part of the gateway is.
type HealthStatus string

// Values of HealthStatus, from best to worst.
const (
	// HealthOK means that the part does all it should.
	HealthOK HealthStatus = "ok"
	// HealthDegraded means that the part works and somebody should look at it.
	HealthDegraded HealthStatus = "degraded"
	// HealthFailed means that the part does not work; the gateway as a whole
	// then answers /gateway/health with 503.
	HealthFailed HealthStatus = "failed"
)

// Health is the state of a part.
type Health struct {
	// Status is how the part is.
	Status HealthStatus `json:"status"`
	// Detail says in words what is not as it should be. It holds no secret.
	Detail string `json:"detail,omitempty"`
	// Facts are figures about the part, by name. They hold no secret.
	Facts map[string]any `json:"facts,omitempty"`
}

// HealthChecker is a part of the gateway that can say how it is.
type HealthChecker interface {
	// Health returns the state of the part. It is called from several
	// goroutines at once and must return when ctx is done.
	Health(ctx context.Context) Health
}

// HealthFunc is a function that is a HealthChecker.
type HealthFunc func(ctx context.Context) Health

// Health implements HealthChecker.
func (f HealthFunc) Health(ctx context.Context) Health { return f(ctx) }

type healthPart struct {
	name    string
	checker HealthChecker
}

// AddHealthChecker adds a part to what /gateway/health shows, under a name of
// its own. It is meant for Provision: once the app has started, the parts are
// read without a lock.
func (a *App) AddHealthChecker(name string, c HealthChecker) {
	a.parts = append(a.parts, healthPart{name, c})
}

// SetHealthChecker is AddHealthChecker for a part that several handlers have in common: with
// the same name, the last one counts.
func (a *App) SetHealthChecker(name string, c HealthChecker) {
	for i := range a.parts {
		if a.parts[i].name == name {
			a.parts[i].checker = c
			return
		}
	}
	a.AddHealthChecker(name, c)
}

// addOwnParts adds the parts that every gateway has.
func (a *App) addOwnParts() {
	a.AddHealthChecker("consumers", HealthFunc(func(context.Context) Health {
		return Health{Status: HealthOK, Facts: map[string]any{"consumers": a.table.Len(), "keys": a.table.Keys()}}
	}))
	a.AddHealthChecker("prices", HealthFunc(func(context.Context) Health {
		return Health{Status: HealthOK, Facts: map[string]any{"version": a.prices.Version(), "models": a.prices.Len()}}
	}))
	a.AddHealthChecker("ledger", HealthFunc(a.ledgerHealth))
	a.AddHealthChecker("logs", HealthFunc(a.logsHealth))
}

// logsHealth says which logs can show keys, as found when the app started.
func (a *App) logsHealth(context.Context) Health {
	if len(a.plainLogs) == 0 {
		return Health{Status: HealthOK}
	}
	return Health{
		Status: HealthDegraded, Detail: "these logs can show API keys; give them \"format gateway\"",
		Facts: map[string]any{"logs": a.plainLogs},
	}
}
