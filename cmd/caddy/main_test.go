// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime/debug"
	"testing"
)

func TestAnnouncement(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		build *debug.BuildInfo
		want  string
	}{
		{name: "no build information", build: nil, want: "Tollgate (devel) on Caddy"},
		{name: "no version stamped", build: &debug.BuildInfo{}, want: "Tollgate (devel) on Caddy"},
		{name: "tag", build: &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, want: "Tollgate v1.2.3 on Caddy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := announcement(tt.build); got != tt.want {
				t.Errorf("announcement() = %q, want %q", got, tt.want)
			}
		})
	}
}
