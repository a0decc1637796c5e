// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"strings"
)

// openCaches opens the caches of the config and shows their health.
func (a *App) openCaches() error {
	if err := a.caches.open(); err != nil {
		return err
	}
	if a.caches.used() {
		a.AddHealthChecker("cache", HealthFunc(a.cacheHealth))
	}
	return nil
}

// cacheHealth says which caches cannot be asked. Their requests are misses, so that the
// gateway is degraded at worst.
func (a *App) cacheHealth(context.Context) Health {
	h := Health{Status: HealthOK, Facts: make(map[string]any)}
	var details []string
	for _, c := range a.caches.wanted() {
		view := c.view()
		facts := map[string]any{"store": view.Store, "ok": view.Error == ""}
		if view.Entries != nil && view.Bytes != nil {
			facts["entries"], facts["bytes"] = *view.Entries, *view.Bytes
		}
		h.Facts[view.Name] = facts
		if view.Error != "" {
			h.Status = HealthDegraded
			details = append(details, "cache "+view.Name+": "+view.Error)
		}
	}
	h.Detail = strings.Join(details, "; ")
	return h
}
