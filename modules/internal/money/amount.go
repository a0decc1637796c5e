// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package money computes with United States dollars in integers only.
//
// The unit is the pico-dollar (1e-12 USD). Published token prices are decimal
// fractions of a dollar per million tokens, so a price with up to six decimal
// places is a whole number of pico-dollars per token and every product of a
// price and a token count is exact. No value passes through a float on its way
// in or through the arithmetic.
//
// Arithmetic saturates at the limits of the type and never wraps: a counter
// that reached its limit stays there, and a budget compared with it is
// exceeded rather than refunded.
package money

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Limits of Amount, about plus and minus 9.2 million USD.
const (
	MaxAmount Amount = math.MaxInt64
	MinAmount Amount = math.MinInt64
)

// amountScale is the number of decimal places of an Amount in USD.
const amountScale = 12

// Amount is a sum of money in pico-dollars (1e-12 USD). Its arithmetic
// saturates at MinAmount and MaxAmount.
type Amount int64

// ParseUSD reads a decimal number of dollars such as "12", "0.0003" or
// "1.25e-07". The text is converted exactly; a value finer than a pico-dollar
// is an error wrapping ErrPrecision and one outside the limits an error
// wrapping ErrRange.
func ParseUSD(s string) (Amount, error) {
	v, err := parseExact(s, amountScale)
	if err != nil {
		return 0, fmt.Errorf("parse amount: %w", err)
	}
	return Amount(v), nil
}

// RoundUSD reads a decimal number of dollars like ParseUSD but rounds a value
// finer than a pico-dollar to the nearest one, halves away from zero. It is
// for sums that others computed with floats, such as a cost reported by a
// provider.
func RoundUSD(s string) (Amount, error) {
	v, _, err := parseDecimal(s, amountScale)
	if err != nil {
		return 0, fmt.Errorf("parse amount: %w", err)
	}
	return Amount(v), nil
}

// Add returns a+b, saturating.
func (a Amount) Add(b Amount) Amount {
	sum := a + b
	if (a >= 0) == (b >= 0) && (sum >= 0) != (a >= 0) {
		return limit(a < 0)
	}
	return sum
}

// Sub returns a-b, saturating.
func (a Amount) Sub(b Amount) Amount {
	diff := a - b
	if (a >= 0) != (b >= 0) && (diff >= 0) != (a >= 0) {
		return limit(a < 0)
	}
	return diff
}

// String returns the exact value in dollars as a plain decimal without
// exponent, trailing zeros or currency sign: "0.0003", "-12", "0".
func (a Amount) String() string {
	var buf [32]byte
	return string(a.Append(buf[:0]))
}

// Append appends the text of String to dst.
func (a Amount) Append(dst []byte) []byte {
	return appendScaled(dst, int64(a), amountScale)
}

// Float64 returns the value in dollars, rounded to the nearest float. It is
// for metrics and other displays; never compute with it.
func (a Amount) Float64() float64 {
	return float64(a) / 1e12
}

// MarshalJSON encodes the amount as a string holding the decimal in dollars,
// so that no reader loses digits to a float.
func (a Amount) MarshalJSON() ([]byte, error) {
	return quoted(a.Append), nil
}

// UnmarshalJSON decodes a decimal in dollars from a JSON string or number.
func (a *Amount) UnmarshalJSON(data []byte) error {
	v, err := ParseUSD(unquoted(data))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

func limit(negative bool) Amount {
	if negative {
		return MinAmount
	}
	return MaxAmount
}

// multiply returns a*n, saturating at the limits of int64.
func multiply(a, n int64) Amount {
	negative := (a < 0) != (n < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(n))
	if hi != 0 {
		return limit(negative)
	}
	return signed(lo, negative)
}

// magnitude returns the absolute value, also of the most negative number.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// signed applies a sign to a magnitude, saturating.
func signed(m uint64, negative bool) Amount {
	switch {
	case negative && m > 1<<63:
		return MinAmount
	case negative:
		return Amount(-m)
	case m > math.MaxInt64:
		return MaxAmount
	}
	return Amount(m)
}

func quoted(appendTo func([]byte) []byte) []byte {
	out := append(make([]byte, 0, 48), '"')
	return append(appendTo(out), '"')
}

// unquoted returns the content of a JSON string without escapes, or the text
// itself. A decimal needs no escapes; a string with some fails to parse.
func unquoted(data []byte) string {
	data = bytes.TrimSpace(data)
	if n := len(data); n >= 2 && data[0] == '"' && data[n-1] == '"' {
		return string(data[1 : n-1])
	}
	return string(data)
}

// appendScaled appends v divided by ten to the power of scale.
func appendScaled(dst []byte, v int64, scale int) []byte {
	if v < 0 {
		dst = append(dst, '-')
	}
	m := magnitude(v)
	unit := pow10[scale]
	dst = strconv.AppendUint(dst, m/unit, 10)
	return appendFraction(dst, m%unit, scale)
}

// appendFraction appends a point and the given number of decimal places
// without trailing zeros, or nothing when the fraction is zero.
func appendFraction(dst []byte, fraction uint64, places int) []byte {
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for place := places - 1; fraction > 0; place-- {
		dst = append(dst, byte('0'+fraction/pow10[place]))
		fraction %= pow10[place]
	}
	return dst
}
