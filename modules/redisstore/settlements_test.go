// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"slices"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestSettlementsGoOnAfterFailure has a settlement that is too large, and a journal that
// has failed: those after them are kept.
func TestSettlementsGoOnAfterFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _, err := openSettlements(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	save := func(n byte) {
		t.Helper()
		payload := string('a' + rune(n))
		if err := s.Save(limits.ID{n}, []byte(payload)); err != nil {
			t.Errorf("settlement %d: %v", n, err)
		}
		want = append(want, payload)
	}
	save(1)
	large := make([]byte, journal.MaxPayload+1)
	if s.Save(limits.ID{2}, large) == nil {
		t.Error("a settlement was kept that is too large")
	}
	save(3)
	if _, err := s.journal.Append(large); err == nil || s.journal.Err() == nil {
		t.Fatal("the journal has not failed")
	}
	save(4)
	s.Done(limits.ID{3})
	want = slices.DeleteFunc(want, func(payload string) bool { return payload == "d" })
	_ = s.Close() // it tells of the failure

	s, left, err := openSettlements(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, payload := range left {
		got = append(got, string(payload))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q wait, want %q", got, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
