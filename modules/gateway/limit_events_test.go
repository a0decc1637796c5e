// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

func init() { caddy.RegisterModule(new(eventTaker)) }

// eventTaker is an event handler that keeps what it is told.
type eventTaker struct{ events chan caddy.Event }

func (*eventTaker) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.gateway_test", New: func() caddy.Module { return new(eventTaker) }}
}

// Handle waits until the test takes the event, or the config ends.
func (h *eventTaker) Handle(ctx context.Context, e caddy.Event) error {
	select {
	case h.events <- e:
	case <-ctx.Done():
	}
	return nil
}

// listening is an app whose events somebody has subscribed to.
func listening(t *testing.T) (*App, *eventTaker) {
	t.Helper()
	app, err := provisionWith(t, toTestLog, map[string]string{
		"gateway": `{"ledger":{"memory":true}}`,
		"events":  `{"subscriptions":[{"events":["quota_exceeded","budget_threshold"],"handlers":[{"handler":"gateway_test"}]}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Cleanup() })
	if err := app.events.app.Start(); err != nil {
		t.Fatal(err)
	}
	h := app.events.app.Subscriptions[0].Handlers[0].(*eventTaker)
	h.events = make(chan caddy.Event)
	return app, h
}

// told returns the events of which the app has told before a last one that is not
// returned.
func told(t *testing.T, app *App, h *eventTaker) (list []caddy.Event) {
	t.Helper()
	app.LimitExceeded(LimitEvent{Quota: "last", Key: limits.Key{Subject: unique()}}, LimitDenied)
	for {
		select {
		case e := <-h.events:
			if e.Data["quota"] == "last" {
				return list
			}
			list = append(list, e)
		case <-time.After(10 * time.Second):
			t.Fatal("the event did not come")
		}
	}
}

func unique() string { return fmt.Sprintf("%x", limits.NewID()) }

// met is a limit of requests that was met.
func met(subject string) LimitEvent {
	return LimitEvent{
		Quota: "demo", By: "consumer", Key: limits.Key{Level: "quota:demo/consumer", Subject: subject},
		Unit: limits.Requests, Window: "60s", Text: "requests 10/min", Limit: 10, Used: 10, Frees: 1500 * time.Millisecond,
		Consumer: subject, Route: "r", CorrelationID: "id",
	}
}

func TestQuotaExceeded(t *testing.T) {
	app, h := listening(t)
	for range 5 {
		app.LimitExceeded(met("alice"), LimitDenied)
	}
	app.LimitExceeded(met("bob"), LimitShadow)
	hour := met("alice")
	hour.Window, hour.Text, hour.Frees = "3600s", "requests 100/hour", limits.Never
	app.LimitExceeded(hour, LimitDenied)

	events := told(t, app, h)
	var got []string
	for _, e := range events {
		if e.Name() != EventQuotaExceeded || e.Origin().CaddyModule().ID != "gateway" {
			t.Errorf("event %s of %v", e.Name(), e.Origin())
		}
		data, err := json.Marshal(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(data))
	}
	const rest = `"quota":"demo","route":"r","soft":false,"subject":`
	expectLines(t, "events", got,
		`{"by":"consumer","consumer":"alice","correlation_id":"id","frees_in_seconds":2,"limit":10,"limit_text":"requests 10/min","outcome":"denied",`+rest+`"alice","unit":"requests","used":10,"window":"60s"}`,
		`{"by":"consumer","consumer":"bob","correlation_id":"id","frees_in_seconds":2,"limit":10,"limit_text":"requests 10/min","outcome":"shadow",`+rest+`"bob","unit":"requests","used":10,"window":"60s"}`,
		`{"by":"consumer","consumer":"alice","correlation_id":"id","limit":10,"limit_text":"requests 100/hour","outcome":"denied",`+rest+`"alice","unit":"requests","used":10,"window":"3600s"}`)

	// Ten seconds later.
	e := met("alice")
	app.events.mu.Lock()
	app.events.emitted[e.id()] = time.Now().Add(-eventEvery)
	app.events.mu.Unlock()
	app.LimitExceeded(met("alice"), LimitDenied)
	app.LimitExceeded(met("alice"), LimitDenied)
	if events := told(t, app, h); len(events) != 1 {
		t.Errorf("%d events ten seconds later, want 1", len(events))
	}
}

func TestBudgetThreshold(t *testing.T) {
	app, h := listening(t)
	for _, test := range []struct {
		used float64 // of ten dollars
		want string  // percentages
	}{
		{7.99, ""},
		{8, "80 "},
		{9, ""},
		{7, ""}, // a reservation was settled
		{8.5, ""},
		{10, "100 "},
		{9.5, ""},
		{11, ""},
		{0.1, ""}, // a new day
		{12, "80 100 "},
		{5, ""},
		{8, "80 "},
	} {
		app.BudgetUsed(spentBy("alice", "alice", test.used))
		var got strings.Builder
		for _, e := range told(t, app, h) {
			fmt.Fprint(&got, e.Data["percent"], " ")
			if e.Name() != EventBudgetThreshold || e.Data["limit"] != "10" || e.Data["unit"] != "cost" || e.Data["subject"] != "alice" {
				t.Errorf("event %s %v", e.Name(), e.Data)
			}
		}
		if got.String() != test.want {
			t.Errorf("at %v of 10 dollars: events at %q, want %q", test.used, got.String(), test.want)
		}
	}
}

func TestEventsHoldNoSecret(t *testing.T) {
	app, h := listening(t)
	e := met("demo-key-not-a-secret")
	e.By, e.Veiled, e.Consumer = "header Authorization", true, ""
	app.LimitExceeded(e, LimitDenied)
	budget := spentBy("demo-key-not-a-secret", "", 9)
	budget.Veiled = true
	app.BudgetUsed(budget)
	events := told(t, app, h)
	if len(events) != 2 {
		t.Fatalf("%d events, want 2", len(events))
	}
	for _, e := range events {
		if text := fmt.Sprint(e.Data); strings.Contains(text, "not-a-secret") {
			t.Errorf("%s holds %s", e.Name(), text)
		}
	}
}

// Whoever subscribes may take his time, and whoever calls may come from anywhere:
// neither holds up a request or takes up memory without bound.
func TestEventsAreBounded(t *testing.T) {
	app, h := listening(t)
	for i := range 2 * maxEvents {
		app.LimitExceeded(met(fmt.Sprint(i)), LimitDenied)
		app.BudgetUsed(spentBy(fmt.Sprint(i), "", 9))
	}
	l := &app.events
	l.mu.Lock()
	emitted, reached := len(l.emitted), len(l.told)
	// When they have become old, there is room again.
	for key := range l.emitted {
		l.emitted[key] = time.Now().Add(-eventEvery)
	}
	l.swept = time.Time{}
	l.mu.Unlock()
	if emitted != maxEvents || reached != maxEvents {
		t.Errorf("%d limits and %d budgets are remembered, want %d", emitted, reached, maxEvents)
	}
	for range queuedEvents {
		if e := <-h.events; e.Name() != EventQuotaExceeded && e.Name() != EventBudgetThreshold {
			t.Errorf("event %s", e.Name())
		}
	}
	if n := len(told(t, app, h)); n > 1 {
		t.Errorf("%d more events than are kept for who is slow", n)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.emitted) != 1 {
		t.Errorf("%d limits are remembered, want the latest", len(l.emitted))
	}
}

func TestNobodySubscribes(t *testing.T) {
	app := provision(t, `{"ledger":{"memory":true}}`)
	app.LimitExceeded(met("alice"), LimitDenied)
	app.BudgetUsed(spentBy("alice", "alice", 11))
	if app.events.emitted != nil || app.events.told != nil {
		t.Error("events are remembered although nobody can subscribe")
	}
}

// Interface guards
var _ caddyevents.Handler = (*eventTaker)(nil)
