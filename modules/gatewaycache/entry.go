// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"encoding/binary"
	"errors"
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// What an entry is.
const (
	kindAnswer = 'A'
	// kindVary stands where the answers to a request differ by fields of the request. It
	// names them, and the answers are elsewhere.
	kindVary = 'V'

	metaVersion = 1
)

// Flags of an answer.
const (
	isCall   = 1 << iota // of a model
	isStream             // in the wire format of a stream
	isArray              // a stream of Gemini as one JSON array
	isAsked              // the client has asked a chat for the usage
	hasUsage             // it tells its usage
	isPriced             // it is known what it has cost
	isLines              // a stream of lines of JSON
)

// answer is a stored answer. Its fields are kept as one text, of which those that go out
// are parts.
type answer struct {
	meta  httpcache.Meta
	flags uint8
	cost  money.Amount
	// fields are pairs of name and value, each with its length before it. The names are
	// canonical, and those with several values stand together.
	fields string
	pairs  int
	entry  *caching.Entry
}

func (a *answer) has(flag uint8) bool { return a.flags&flag != 0 }

var errMeta = errors.New("the meta of a cache entry cannot be read")

// append appends a in the form of Entry.Meta.
func (a *answer) append(dst []byte, h http.Header) []byte {
	dst = append(dst, kindAnswer, metaVersion, a.flags)
	dst = binary.AppendVarint(dst, int64(a.cost))
	dst, _ = a.meta.AppendBinary(dst) // which never fails
	pairs := 0
	for _, values := range h {
		pairs += len(values)
	}
	dst = binary.AppendUvarint(dst, uint64(pairs))
	for name, values := range h {
		for _, value := range values {
			dst = binary.AppendUvarint(dst, uint64(len(name)))
			dst = append(dst, name...)
			dst = binary.AppendUvarint(dst, uint64(len(value)))
			dst = append(dst, value...)
		}
	}
	return dst
}

// readAnswer reads what append has written. The result shares nothing with data.
func (a *answer) read(data []byte) error {
	if len(data) < 3 || data[0] != kindAnswer || data[1] != metaVersion {
		return errMeta
	}
	a.flags = data[2]
	data = data[3:]
	cost, n := binary.Varint(data)
	if n <= 0 {
		return errMeta
	}
	a.cost = money.Amount(cost)
	var err error
	if a.meta, data, err = httpcache.DecodeMeta(data[n:]); err != nil {
		return err
	}
	pairs, n := binary.Uvarint(data)
	if n <= 0 || pairs > uint64(len(data)) {
		return errMeta
	}
	a.pairs, a.fields = int(pairs), string(data[n:])
	rest := a.fields
	for range a.pairs * 2 {
		var ok bool
		if _, rest, ok = cutText(rest); !ok {
			return errMeta
		}
	}
	if rest != "" {
		return errMeta
	}
	return nil
}

// cutField cuts a field with one value off fields that read has checked.
func cutField(s string) (name, value, rest string) {
	name, s, _ = cutText(s)
	value, s, _ = cutText(s)
	return name, value, s
}

// header returns the fields anew.
func (a *answer) header() http.Header {
	h := make(http.Header, a.pairs)
	rest := a.fields
	for range a.pairs {
		var name, value string
		name, value, rest = cutField(rest)
		h[name] = append(h[name], value)
	}
	return h
}

// cutText cuts a text with its length before it off s.
func cutText(s string) (text, rest string, ok bool) {
	var n uint64
	for i := 0; i < len(s) && i < binary.MaxVarintLen32; i++ {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			if s = s[i+1:]; n > uint64(len(s)) {
				return "", "", false
			}
			return s[:n], s[n:], true
		}
	}
	return "", "", false
}

// variants name the fields by which answers to a request differ.
type variants struct {
	// life tells these variants from those that were there before the last invalidation,
	// which nobody can find any more.
	life  uint64
	names []string
}

func (v *variants) append(dst []byte) []byte {
	dst = append(dst, kindVary, metaVersion)
	dst = binary.BigEndian.AppendUint64(dst, v.life)
	for _, name := range v.names {
		dst = binary.AppendUvarint(dst, uint64(len(name)))
		dst = append(dst, name...)
	}
	return dst
}

func (v *variants) read(data []byte) error {
	if len(data) < 10 || data[0] != kindVary || data[1] != metaVersion {
		return errMeta
	}
	v.life = binary.BigEndian.Uint64(data[2:])
	for rest := string(data[10:]); rest != ""; {
		name, more, ok := cutText(rest)
		if !ok {
			return errMeta
		}
		v.names, rest = append(v.names, name), more
	}
	return nil
}
