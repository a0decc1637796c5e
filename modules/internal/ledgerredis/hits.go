// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"fmt"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// hitsMark is what the tags of a row begin with that says what response caches did.
// No tag begins with it.
//
// Gateways that know nothing of response caches may share the same Redis. They cannot
// read a row that tells of one, and would report it as damaged. So what caches did is
// a row of its own in the encoding that all of them read: without requests, which
// makes older gateways leave it out, with the hits where exact calls are counted, and
// with what they avoided where savings are.
const hitsMark = "\x00"

// encode adds the encoded form of a row to values: the row as all gateways read it,
// and what response caches did, if they did something.
func encode(values map[string][]byte, h ledger.Hour, w *ledger.Row) error {
	row := *w
	row.CacheHits, row.Avoided = 0, money.Total{}
	if err := encodeRow(values, h, &row); err != nil {
		return err
	}
	if w.CacheHits == 0 {
		return nil
	}
	hits := ledger.Row{Key: w.Key, Exact: w.CacheHits, Saved: w.Avoided}
	hits.Tags = hitsMark + w.Tags
	return encodeRow(values, h, &hits)
}

func encodeRow(values map[string][]byte, h ledger.Hour, w *ledger.Row) error {
	field := ledgerdb.AppendKey(nil, h, &w.Key)
	value, err := ledgerdb.AppendRow(nil, field, w)
	if err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	values[string(field)] = value
	return nil
}

// decode reads one of the rows that encode has written.
func decode(field, value string) (ledger.Hour, ledger.Row, error) {
	h, w, err := ledgerdb.DecodeRow([]byte(field), []byte(value))
	if err != nil {
		return h, w, fmt.Errorf("read copy: %w", err)
	}
	if tags, ok := strings.CutPrefix(w.Tags, hitsMark); ok && w.Requests == 0 {
		w = ledger.Row{Key: w.Key, CacheHits: w.Exact, Avoided: w.Saved}
		w.Tags = tags
	}
	return h, w, nil
}
