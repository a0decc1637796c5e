// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func usual() *Options { return &Options{Decay: 10 * time.Second, Explore: time.Second} }

// answer begins an attempt of s at a time and answers it after another.
func answer(o *Options, s *Server, at, after time.Duration) {
	var a Attempt
	o.Begin(&a, s, at)
	a.Answered(at + after)
	a.Left(at + after)
}

// measured returns a server with one sample, taken at a time.
func measured(o *Options, at, mean time.Duration) *Server {
	s := new(Server)
	answer(o, s, at-mean, mean)
	return s
}

// wantEstimate checks an estimate to one part in a thousand.
func wantEstimate(t *testing.T, s *Server, now, want time.Duration) {
	t.Helper()
	if got := s.Estimate(now); (got - want).Abs() > want/1000 {
		t.Errorf("estimate at %s is %s, want %s", now, got, want)
	}
}
