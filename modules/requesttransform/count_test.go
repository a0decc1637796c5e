// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// counted is how many requests the metric has with an outcome.
func counted(t *testing.T, from prometheus.Gatherer, outcome string) (n float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "caddy_gateway_transforms_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["direction"] == "request" && labels["outcome"] == outcome {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// TestRefusalsAreCounted: what is refused in a query counts as it does in a form.
func TestRefusalsAreCounted(t *testing.T) {
	ctx := provisioned(t, "")
	config, err := json.Marshal(parsed(t, "", "remove query q\nremove body q"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := ctx.LoadModuleByID("http.handlers.request_transform", config)
	if err != nil {
		t.Fatal(err)
	}
	many := strings.Repeat("a&", 1<<15)
	for _, row := range []struct {
		name, outcome, code string
		send                call
	}{
		{"a semicolon in a form", "malformed", "ambiguous_field", call{body: "a=1;q=2", header: []string{formType}}},
		{"a semicolon in a query", "malformed", "ambiguous_field", call{uri: "/?a=1;q=2"}},
		{"a long form", "too_large", "too_complex", call{body: many, header: []string{formType}}},
		{"a long query", "too_large", "too_complex", call{uri: "/?" + many}},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := counted(t, ctx.GetMetricsRegistry(), row.outcome)
			o := send(t, mod.(*Handler), row.send.request(t))
			if o.err == nil || o.err.Code != row.code {
				t.Errorf("refusal %+v, want %s", o.err, row.code)
			}
			if got := counted(t, ctx.GetMetricsRegistry(), row.outcome) - before; got != 1 {
				t.Errorf("%v are counted as %s, want 1", got, row.outcome)
			}
		})
	}
}
