// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Quota is a handler that limits, as far as others ask it: the admin API, and the
// app at start.
type Quota interface {
	// LimitsOf returns the limits that are counted for a consumer, of whatever
	// route they are.
	LimitsOf(c *consumers.Consumer) []LimitOf
	// Levels returns the sets of limits that the quota enforces: its own, or those of
	// all plans.
	Levels() []Level
	// CheckPlace returns an error if the routes around the quota make it useless.
	// It is asked at start, when all routes are known.
	CheckPlace() error
}

// Level is a set of limits that count the same subjects.
type Level struct {
	// Quota is the name of the quota or plan, and By what it counts by.
	Quota, By string
	// Rules are the limits, and Texts what was written for each. They are not to be
	// changed.
	Rules []limits.Rule
	Texts []string
	// Of returns the limits as they count a subject: a consumer, the identifier of a
	// key, a group, a route, an address or a network, or a value of the header or
	// placeholder, which can also be given as "sha256:" and the hex digits of its
	// digest. The subject is empty where everybody is counted together. An error
	// says what the subject should be.
	Of func(subject string) ([]LimitOf, error)
}

// LimitOf is a limit as it counts one subject.
type LimitOf struct {
	// Quota is the name of the quota or plan, By what it counts the subject by, and
	// Text the limit as it was written. Callers whom a quota cannot count as it
	// should are counted by "ip", or by "user" where somebody else has
	// authenticated them.
	Quota, By, Text string
	// Shared says that the counter counts others than the one who was asked for.
	Shared bool
	// Check asks for the counter. Its subject can be shown: what may be a secret is
	// a digest.
	Check limits.Check
}

// AddQuota makes a quota known to the app. Handlers call it in Provision.
func (a *App) AddQuota(q Quota) { a.quotas = append(a.quotas, q) }

// HTTP returns Caddy's HTTP app, or nil where the config has none. Its routes are
// known when the gateway starts.
func (a *App) HTTP() (*caddyhttp.App, error) {
	mod, err := a.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, nil //nolint:nilnil // There is none.
	}
	if err != nil {
		return nil, fmt.Errorf("get http app: %w", err)
	}
	return mod.(*caddyhttp.App), nil
}

// checkQuotas asks all quotas about their place.
func (a *App) checkQuotas() error {
	for _, q := range a.quotas {
		if err := q.CheckPlace(); err != nil {
			return err
		}
	}
	return nil
}

// AnyPlan says that there is a plan.
func (d Declared) AnyPlan() bool { return len(d.app.Plans) > 0 }
