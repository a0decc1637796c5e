// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apikey_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, key string
		want      error
	}{
		{"ordinary", "demo-key-not-a-secret", nil},
		{"as long as may be", strings.Repeat("k", apikey.MaxLength), nil},
		{"one byte longer", strings.Repeat("k", apikey.MaxLength+1), apikey.ErrTooLong},
		{"comma", "demo-key,not-a-secret", apikey.ErrComma},
		{"comma at the end", "demo-key-not-a-secret,", apikey.ErrComma},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if err := apikey.Check(tc.key); !errors.Is(err, tc.want) {
				t.Errorf("Check = %v, want %v", err, tc.want)
			}
		})
	}
	if !strings.Contains(apikey.ErrTooLong.Error(), strconv.Itoa(apikey.MaxLength)) {
		t.Errorf("%q does not say the limit of %d", apikey.ErrTooLong, apikey.MaxLength)
	}
	key, err := apikey.New()
	if err != nil || apikey.Check(key) != nil {
		t.Errorf("a new key is refused: %v, %v", err, apikey.Check(key))
	}
}
