// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// maxPlain is how long the name of a cache may be to stand in keys as it is.
const maxPlain = 64

// bucket is a part of the entries that is in one slot of a Cluster.
type bucket struct {
	version, log string // keys
	head, piece  string // what keys begin with

	seen   atomic.Pointer[version] // the last version that was seen
	logged atomic.Pointer[purgeLog]
}

func newBucket(prefix, name string, n int) *bucket {
	base := prefix + ":{" + plain(name) + ":" + strconv.Itoa(n) + "}:"
	return &bucket{version: base + "v", log: base + "log", head: base + "e:", piece: base + "p:"}
}

// plain returns the name of a cache, or a hash of it where it is not made of letters,
// digits and some punctuation alone.
func plain(name string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)
	}
	if len(name) <= maxPlain && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !safe(r) }) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "#" + hex.EncodeToString(sum[:16])
}

// headOf returns the key of the head of an entry.
func (b *bucket) headOf(key caching.Key) string { return b.head + key.String() }

// piecesOf returns what the keys of all pieces of an entry begin with.
func (b *bucket) piecesOf(key caching.Key) string { return b.piece + key.String() + ":" }

// pieceOf returns the key of a piece, of which the first is number 1.
func pieceOf(pieces, id string, n int) string { return pieces + id + ":" + strconv.Itoa(n) }
