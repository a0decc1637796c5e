// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package records_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		key   string
		value int
		ttl   time.Duration
		ok    bool
	}{
		"usual":          {"revoked:abc", 10, time.Hour, true},
		"for ever":       {"signing:1", records.MaxValue, 0, true},
		"longest key":    {strings.Repeat("a", records.MaxKey), 0, 0, true},
		"no key":         {"", 0, 0, false},
		"key too long":   {strings.Repeat("a", records.MaxKey+1), 0, 0, false},
		"value too long": {"a", records.MaxValue + 1, 0, false},
		"in the past":    {"a", 0, -1, false},
		"space":          {"a b", 0, 0, false},
		"line":           {"a\nb", 0, 0, false},
		"not ASCII":      {"ä", 0, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := records.Check(tt.key, make([]byte, tt.value), tt.ttl)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, records.ErrInvalid) {
				t.Errorf("Check = %v", err)
			}
		})
	}
}
