// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"errors"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

func TestEncoding(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ledger.Row{Key: ledger.KeyOf(&r)}
			w.AddRecord(&r)
			hour := ledger.HourOf(r.At)
			key := AppendKey([]byte("x"), hour, &w.Key)[1:]
			value, err := AppendRow(nil, key, &w)
			if err != nil {
				t.Fatal(err)
			}
			h, got, err := DecodeRow(key, value)
			if err != nil || h != hour || got != w {
				t.Errorf("hour %d, %+v, %v, want hour %d, %+v", h, got, err, hour, w)
			}
			for i := range value {
				bad := bytes.Clone(value)
				bad[i] ^= 0x40
				if _, _, err := DecodeRow(key, bad); !errors.Is(err, ErrDamaged) {
					t.Errorf("with byte %d altered: %v", i, err)
				}
			}
			for i := range key {
				if _, _, err := DecodeRow(key[:i], value); !errors.Is(err, ErrDamaged) {
					t.Errorf("with %d bytes of the key: %v", i, err)
				}
			}
		})
	}
	if _, err := AppendRow(nil, nil, &ledger.Row{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a row without a key: %v", err)
	}
}
