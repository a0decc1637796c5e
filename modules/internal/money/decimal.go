// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Causes wrapped by the errors of the parsers.
var (
	// ErrSyntax means that the text is not a decimal number.
	ErrSyntax = errors.New("not a decimal number")
	// ErrPrecision means that the value is finer than the unit can hold.
	ErrPrecision = errors.New("finer than the smallest unit")
	// ErrRange means that the value exceeds the limits of the type.
	ErrRange = errors.New("out of range")
)

// maxDecimalLength bounds the text of a number, so that hostile input costs
// nothing. The longest exact value needs far fewer characters.
const maxDecimalLength = 128

// pow10 holds the powers of ten that fit in 64 bits.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// decimal is the anatomy of a number: the integer formed by digits (which may
// hold one point, ignored here) times ten to the power of exponent.
type decimal struct {
	negative bool
	digits   string // with an optional point
	count    int    // significant digits, without leading zeros
	exponent int    // of the last digit
}

// parseExact reads s as a number of units of ten to the power of -scale and
// refuses to round.
func parseExact(s string, scale int) (int64, error) {
	v, exact, err := parseDecimal(s, scale)
	if err == nil && !exact {
		err = fmt.Errorf("%q: %w", s, ErrPrecision)
	}
	if err != nil {
		return 0, err
	}
	return v, nil
}

// parseDecimal reads s as a number of units of ten to the power of -scale,
// rounded to the nearest unit (halves away from zero), and says whether the
// result is exact.
func parseDecimal(s string, scale int) (v int64, exact bool, err error) {
	if len(s) > maxDecimalLength {
		return 0, false, fmt.Errorf("%q...: longer than %d characters: %w", s[:16], maxDecimalLength, ErrSyntax)
	}
	d, ok := dissect(s)
	if !ok {
		return 0, false, fmt.Errorf("%q: %w", s, ErrSyntax)
	}
	m, exact, ok := d.magnitude(scale)
	if !ok || m > math.MaxInt64 && !(d.negative && m == 1<<63) {
		return 0, false, fmt.Errorf("%q: %w", s, ErrRange)
	}
	return int64(signed(m, d.negative)), exact, nil
}

// dissect checks the grammar: an optional sign, digits with an optional point
// (at least one digit in all), and an optional decimal exponent.
func dissect(s string) (d decimal, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	i, seen, point := 0, false, false
scan:
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			seen = true
			if c != '0' || d.count > 0 {
				d.count++
			}
			if point {
				d.exponent--
			}
		case c == '.' && !point:
			point = true
		default:
			break scan
		}
	}
	d.digits = s[:i]
	if !seen {
		return d, false
	}
	if i == len(s) {
		return d, true
	}
	exponent, ok := parseExponent(s[i:])
	d.exponent += exponent
	return d, ok
}

// parseExponent reads "e-07" and the like. Magnitudes beyond 9999 stay there:
// no digits short enough to be accepted could bring such a value into range.
func parseExponent(s string) (int, bool) {
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	e := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		e = min(e*10+int(s[i]-'0'), 9999)
	}
	if negative {
		e = -e
	}
	return e, true
}

// magnitude returns the absolute value in units of ten to the power of -scale.
func (d decimal) magnitude(scale int) (m uint64, exact, ok bool) {
	if d.count == 0 {
		return 0, true, true
	}
	shift := d.exponent + scale
	keep := d.count + shift // digits before the unit's point
	if keep > 19 {
		return 0, false, false
	}
	exact = true
	roundUp := false
	index := -1 // of the significant digit
	for i := range len(d.digits) {
		c := d.digits[i]
		if c == '.' || index < 0 && c == '0' {
			continue
		}
		index++
		switch digit := uint64(c - '0'); {
		case index < keep:
			m = m*10 + digit // at most 19 digits: no overflow
		case digit != 0:
			exact = false
			roundUp = roundUp || index == keep && digit >= 5
		}
	}
	if shift > 0 {
		hi, lo := bits.Mul64(m, pow10[shift])
		if hi != 0 {
			return 0, false, false
		}
		m = lo
	}
	if roundUp {
		m++
	}
	return m, exact, true
}
