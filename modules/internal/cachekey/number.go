// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"bytes"
	"strconv"
)

// numberEnd returns the position after the number at i, and whether there is one.
func numberEnd(doc []byte, i int) (int, bool) {
	if i < len(doc) && doc[i] == '-' {
		i++
	}
	whole := skipDigits(doc, i)
	if whole == i || doc[i] == '0' && whole > i+1 {
		return 0, false
	}
	i = whole
	if i < len(doc) && doc[i] == '.' {
		j := skipDigits(doc, i+1)
		if j == i+1 {
			return 0, false
		}
		i = j
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		if i++; i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		j := skipDigits(doc, i)
		if j == i {
			return 0, false
		}
		i = j
	}
	return i, true
}

func skipDigits(doc []byte, i int) int {
	for i < len(doc) && '0' <= doc[i] && doc[i] <= '9' {
		i++
	}
	return i
}

// number adds a valid number: its sign, its digits without zeros at either end, and
// the power of ten they are multiplied by. It reports whether the exponent it is
// written with is within bounds.
func (h *Hasher) number(raw []byte) bool {
	negative := raw[0] == '-'
	if negative {
		raw = raw[1:]
	}
	exponent := 0
	if k := bytes.IndexAny(raw, "eE"); k >= 0 {
		var ok bool
		if exponent, ok = readExponent(raw[k+1:]); !ok {
			return false
		}
		raw = raw[:k]
	}
	whole, fraction, _ := bytes.Cut(raw, point)
	// Zeros at the end go into the exponent, and then those at the beginning.
	if fraction = bytes.TrimRight(fraction, "0"); len(fraction) == 0 {
		n := len(whole)
		whole = bytes.TrimRight(whole, "0")
		exponent += n - len(whole)
	} else {
		exponent -= len(fraction)
	}
	if whole = bytes.TrimLeft(whole, "0"); len(whole) == 0 {
		fraction = bytes.TrimLeft(fraction, "0")
	}
	if len(whole)+len(fraction) == 0 {
		h.byte('0')
		return true
	}
	if negative {
		h.byte('-')
	}
	h.write(whole)
	h.write(fraction)
	if exponent != 0 {
		h.write(strconv.AppendInt(append(h.tmp[:0], 'e'), int64(exponent), 10))
	}
	return true
}

// readExponent reads the digits of an exponent and their sign.
func readExponent(raw []byte) (int, bool) {
	negative := raw[0] == '-'
	if negative || raw[0] == '+' {
		raw = raw[1:]
	}
	n := 0
	for _, c := range raw {
		if n = n*10 + int(c-'0'); n > MaxExponent {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

var point = []byte(".")
