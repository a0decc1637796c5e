// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

func init() { caddy.RegisterModule(new(modelStore)) }

// modelStore keeps counters in a model, by a clock that stands.
type modelStore struct {
	Name string `json:"name,omitempty"`
}

func (*modelStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.stores.model", New: func() caddy.Module { return new(modelStore) }}
}

func (s *modelStore) Identity() string { return s.Name }

func (s *modelStore) Open(StoreEnv) (OpenStore, error) {
	if m, ok := models.Load(s.Name); ok {
		return m.(*model), nil
	}
	return nil, fmt.Errorf("there is no model %s", s.Name)
}

var models sync.Map // by name

type model struct {
	*limitstest.Model
	clock *limitstest.Clock

	mu          sync.Mutex
	err         error
	look, reset int // calls
}

// breaks makes the store fail, or mends it.
func (m *model) breaks(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// calls is how often the store was looked at, and reset.
func (m *model) calls() (look, reset int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.look, m.reset
}

func (m *model) failing(calls *int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	*calls++
	return m.err
}

func (m *model) Look(ctx context.Context, checks []limits.Check) error {
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("whoever asks would wait for ever")
	}
	if err := m.failing(&m.look); err != nil {
		return err
	}
	return m.Model.Look(ctx, checks)
}

func (m *model) Reset(ctx context.Context, checks []limits.Check) error {
	if err := m.failing(&m.reset); err != nil {
		return err
	}
	return m.Model.Reset(ctx, checks)
}

func (m *model) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *model) Close() error { return nil }

// limited runs Caddy with consumers and a model of a store, and quotas that are
// added to it.
func limited(t *testing.T, quotas ...Quota) (address string, m *model) {
	t.Helper()
	clock := limitstest.NewClock(time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC))
	m = &model{Model: limitstest.NewModel(clock), clock: clock}
	models.Store(t.Name(), m)
	address = instanceOf(t, `{"store":{"module":"model","name":"`+t.Name()+`"},"groups":[{"name":"llm"}],"consumers":[`+
		`{"name":"alice","groups":["llm"],"keys":["`+digest("a")+`"]},{"name":"bob"}]}`)
	for _, q := range quotas {
		active(t).AddQuota(q)
	}
	return address, m
}

// fixedQuota is a quota of limits that count by one thing.
type fixedQuota struct {
	name, by string
	texts    []string
	rules    []limits.Rule
}

func (q *fixedQuota) CheckPlace() error { return nil }

func (q *fixedQuota) LimitsOf(c *consumers.Consumer) (list []LimitOf) {
	switch q.by {
	case "consumer":
		return q.at(c.Name, false)
	case "group":
		for _, g := range c.Groups {
			list = append(list, q.at(g, true)...)
		}
	case "global":
		return q.at("", true)
	}
	return list
}

func (q *fixedQuota) Levels() []Level {
	return []Level{{Quota: q.name, By: q.by, Rules: q.rules, Texts: q.texts, Of: func(subject string) ([]LimitOf, error) {
		if (subject == "") != (q.by == "global") {
			return nil, fmt.Errorf("quota %s counts by %s", q.name, q.by)
		}
		return q.at(subject, subject == ""), nil
	}}}
}

func (q *fixedQuota) at(subject string, shared bool) (list []LimitOf) {
	for i := range q.rules {
		list = append(list, LimitOf{
			Quota: q.name, By: q.by, Text: q.texts[i], Shared: shared,
			Check: limits.Check{Rule: &q.rules[i], Key: limits.Key{Level: q.name + "/" + q.by, Subject: subject}},
		})
	}
	return list
}

// standard are limits of each consumer.
func standard() *fixedQuota {
	minute := limits.Window{Kind: limits.Sliding, Length: time.Minute}
	return &fixedQuota{
		name: "standard", by: "consumer",
		texts: []string{"requests 10/min", "cost 5usd/month", "concurrent 2", "tokens 1k/min"},
		rules: []limits.Rule{
			{Unit: limits.Requests, Window: minute, Limit: 10},
			{Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}, Limit: 5 * limits.NanoPerUSD},
			{Unit: limits.Concurrent, Window: limits.Window{Kind: limits.Held}, Limit: 2},
			{Unit: limits.Tokens, Window: minute, Limit: 1000, Soft: true},
		},
	}
}

// perMinute is a limit of requests, which may count anything.
func perMinute(name, by string, limit int64) *fixedQuota {
	return &fixedQuota{
		name: name, by: by, texts: []string{fmt.Sprintf("requests %d/min", limit)},
		rules: []limits.Rule{{Unit: limits.Requests, Window: limits.Window{Kind: limits.Sliding, Length: time.Minute}, Limit: limit}},
	}
}

// admit decides about the limits of a quota, as they count a subject, by weights.
func admit(t *testing.T, q *fixedQuota, subject string, weights ...int64) *limits.Decision {
	t.Helper()
	d := &limits.Decision{ID: limits.NewID()}
	for i, l := range q.at(subject, false)[:len(weights)] {
		l.Check.Weight = weights[i]
		d.Checks = append(d.Checks, l.Check)
	}
	if err := active(t).Limits().Decide(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Interface guards
var (
	_ Store     = (*modelStore)(nil)
	_ OpenStore = (*model)(nil)
	_ Quota     = (*fixedQuota)(nil)
)
