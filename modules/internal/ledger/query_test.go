// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

func TestDimension(t *testing.T) {
	t.Parallel()
	for _, d := range []ledger.Dimension{
		ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute, ledger.ByTag, ledger.ByHour, ledger.ByDay,
	} {
		if got, err := ledger.ParseDimension(d.String()); err != nil || got != d {
			t.Errorf("ParseDimension(%q) = %v, %v", d, got, err)
		}
	}
	for _, s := range []string{"", "Consumer", "key", "unknown"} {
		if _, err := ledger.ParseDimension(s); err == nil {
			t.Errorf("%q is a dimension", s)
		}
	}
	if s := ledger.Dimension(99).String(); s != "unknown" {
		t.Errorf("no dimension is called %q", s)
	}
}

func TestHour(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		at   time.Time
		want ledger.Hour
	}{
		{"none", time.Time{}, 0},
		{"before the epoch", time.Unix(-1, 0), 0},
		{"the epoch", time.Unix(0, 0), 0},
		{"the end of the first hour", time.Unix(3599, 999_999_999), 0},
		{"the second hour", time.Unix(3600, 0), 1},
		{"the last hour", time.Unix(int64(ledger.MaxHour)*3600, 0), ledger.MaxHour},
		{"beyond", time.Unix(int64(ledger.MaxHour)*3600+3600, 0), ledger.MaxHour},
		{"far beyond", time.Unix(1<<60, 0), ledger.MaxHour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := ledger.HourOf(tc.at); got != tc.want {
				t.Errorf("HourOf(%v) = %d, want %d", tc.at, got, tc.want)
			}
		})
	}
}
