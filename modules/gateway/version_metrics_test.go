// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func TestVersionSeriesAreBounded(t *testing.T) {
	m, reg := registered(t)
	asked := func(version, source string) {
		rq := request("alice", "")
		rq.APIVersion = state.APIVersion{Name: version, Source: source}
		m.countVersion(rq)
	}
	asked("", "header")
	for i := range 2 * maxVersions {
		asked(fmt.Sprintf("v%d", i), "path")
	}
	if n := seriesCount(t, reg, "api_version_requests_total"); n != maxVersions+1 {
		t.Errorf("there are %d series, want %d and one for the rest", n, maxVersions)
	}
	if got := testutil.ToFloat64(m.versions.WithLabelValues(otherName, otherName, otherName)); got != maxVersions+1 {
		t.Errorf("the rest counts %v, want %d", got, maxVersions+1)
	}
	asked("v0", "path")
	if got := testutil.ToFloat64(m.versions.WithLabelValues("demo", "v0", "path")); got != 2 {
		t.Errorf("a version within the bound counts %v, want 2", got)
	}
	if got := testutil.ToFloat64(m.versions.WithLabelValues("demo", noVersion, "header")); got != 1 {
		t.Errorf("an unknown version counts %v, want 1", got)
	}
}
