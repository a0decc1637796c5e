// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// AppendKey appends the key under which the database keeps a row of an hour. Other
// stores of rows use it as well, with AppendRow.
func AppendKey(dst []byte, h ledger.Hour, k *ledger.Key) []byte { return appendKey(dst, h, k) }

// AppendRow appends the sums of w, which are kept under a key of AppendKey, with a
// checksum of both.
func AppendRow(dst, key []byte, w *ledger.Row) ([]byte, error) {
	h, err := hourOf(key)
	if err != nil {
		return dst, err
	}
	return appendRow(dst, key, h, w), nil
}

// DecodeRow reads what AppendKey and AppendRow have written. An error is an
// ErrDamaged.
func DecodeRow(key, value []byte) (ledger.Hour, ledger.Row, error) {
	h, err := hourOf(key)
	if err != nil {
		return 0, ledger.Row{}, err
	}
	var w ledger.Row
	if w.Key, err = decodeKey(key[hourSize:]); err != nil {
		return 0, ledger.Row{}, err
	}
	if err := decodeRow(value, key, h, &w); err != nil {
		return 0, ledger.Row{}, fmt.Errorf("decode: %w", err)
	}
	return h, w, nil
}
