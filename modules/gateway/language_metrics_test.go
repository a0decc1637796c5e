// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

func TestLanguageSeriesAreBounded(t *testing.T) {
	m, reg := registered(t)
	spoken := func(code languages.Code) {
		rq := request("alice", "")
		rq.Language = state.Language{Code: code, Source: "header"}
		m.speak(rq)
	}
	for i := range 2 * maxLanguages {
		spoken(languages.Code(fmt.Sprintf("x%d", i)))
	}
	if n := seriesCount(t, reg, "language_requests_total"); n != maxLanguages+1 {
		t.Errorf("there are %d series, want %d and one for the rest", n, maxLanguages)
	}
	if got := testutil.ToFloat64(m.languages.WithLabelValues(otherName, otherName, otherName)); got != maxLanguages {
		t.Errorf("the rest counts %v, want %d", got, maxLanguages)
	}
	spoken("x0")
	if got := testutil.ToFloat64(m.languages.WithLabelValues("demo", "x0", "header")); got != 2 {
		t.Errorf("a language within the bound counts %v, want 2", got)
	}
}
