// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package money

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Total is a 128-bit sum of amounts, wide enough for a lifetime of traffic:
// its limits lie near 1.7e26 USD, and it saturates there. The zero value is
// zero, and equal sums compare equal with ==.
type Total struct {
	hi int64 // two's complement, high half
	lo uint64
}

// TotalOf returns the total holding a single amount.
func TotalOf(a Amount) Total {
	return Total{hi: int64(a) >> 63, lo: uint64(a)}
}

// Add adds an amount.
func (t *Total) Add(a Amount) {
	t.AddTotal(TotalOf(a))
}

// AddTotal adds another total.
func (t *Total) AddTotal(o Total) {
	lo, carry := bits.Add64(t.lo, o.lo, 0)
	hi, _ := bits.Add64(uint64(t.hi), uint64(o.hi), carry)
	if (t.hi < 0) == (o.hi < 0) && (int64(hi) < 0) != (t.hi < 0) {
		if t.hi < 0 {
			*t = Total{hi: math.MinInt64}
			return
		}
		*t = Total{hi: math.MaxInt64, lo: math.MaxUint64}
		return
	}
	t.hi, t.lo = int64(hi), lo
}

// Amount returns the total as an Amount, saturating at its limits.
func (t Total) Amount() Amount {
	if t.hi != int64(t.lo)>>63 {
		return limit(t.hi < 0)
	}
	return Amount(t.lo)
}

// Float64 returns the value in dollars, rounded to a float. It is for metrics
// and other displays; never compute with it.
func (t Total) Float64() float64 {
	return (float64(t.hi)*0x1p64 + float64(t.lo)) / 1e12
}

// String returns the exact value in dollars in the form of Amount.String.
func (t Total) String() string {
	var buf [64]byte
	return string(t.Append(buf[:0]))
}

// Append appends the text of String to dst.
func (t Total) Append(dst []byte) []byte {
	hi, lo := uint64(t.hi), t.lo
	if t.hi < 0 {
		dst = append(dst, '-')
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	unit := pow10[amountScale]
	high, rest := hi/unit, hi%unit
	low, fraction := bits.Div64(rest, lo, unit)
	dst = appendWide(dst, high, low)
	return appendFraction(dst, fraction, amountScale)
}

// MarshalJSON encodes the total as a string holding the decimal in dollars.
func (t Total) MarshalJSON() ([]byte, error) {
	return quoted(t.Append), nil
}

// UnmarshalJSON decodes a decimal in dollars from a JSON string or number.
func (t *Total) UnmarshalJSON(data []byte) error {
	v, err := parseTotal(unquoted(data))
	if err != nil {
		return fmt.Errorf("parse total: %w", err)
	}
	*t = v
	return nil
}

// appendWide appends the decimal digits of hi*2^64 + lo, where hi stays far
// below 1e18 because it is a quotient of 1e12.
func appendWide(dst []byte, hi, lo uint64) []byte {
	if hi == 0 {
		return strconv.AppendUint(dst, lo, 10)
	}
	high, low := bits.Div64(hi, lo, pow10[18])
	dst = strconv.AppendUint(dst, high, 10)
	for place := 17; place >= 0; place-- {
		dst = append(dst, byte('0'+low/pow10[place]%10))
	}
	return dst
}

// parseTotal reads a decimal exactly, digit by digit in 128 bits.
func parseTotal(s string) (Total, error) {
	if len(s) > maxDecimalLength {
		return Total{}, fmt.Errorf("longer than %d characters: %w", maxDecimalLength, ErrSyntax)
	}
	d, ok := dissect(s)
	if !ok {
		return Total{}, fmt.Errorf("%q: %w", s, ErrSyntax)
	}
	if d.count == 0 {
		return Total{}, nil
	}
	keep := d.count + d.exponent + amountScale
	if keep > 39 { // 2^127 has 39 digits
		return Total{}, fmt.Errorf("%q: %w", s, ErrRange)
	}
	digits := make([]byte, 0, maxDecimalLength)
	for i := range len(d.digits) {
		if c := d.digits[i]; c != '.' && (c != '0' || len(digits) > 0) {
			digits = append(digits, c)
		}
	}
	var hi, lo uint64
	for i := range max(keep, len(digits)) {
		digit := uint64(0)
		if i < len(digits) {
			digit = uint64(digits[i] - '0')
		}
		if i >= keep {
			if digit != 0 {
				return Total{}, fmt.Errorf("%q: %w", s, ErrPrecision)
			}
			continue
		}
		if hi, lo, ok = timesTen(hi, lo, digit); !ok {
			return Total{}, fmt.Errorf("%q: %w", s, ErrRange)
		}
	}
	return signedTotal(s, hi, lo, d.negative)
}

// timesTen returns 10*v + digit for the 128-bit v, and false on overflow.
func timesTen(hi, lo, digit uint64) (uint64, uint64, bool) {
	over, hi10 := bits.Mul64(hi, 10)
	carry, lo10 := bits.Mul64(lo, 10)
	lo10, c := bits.Add64(lo10, digit, 0)
	hi10, overflow := bits.Add64(hi10, carry, c)
	return hi10, lo10, over == 0 && overflow == 0
}

// signedTotal applies the sign of s to a 128-bit magnitude.
func signedTotal(s string, hi, lo uint64, negative bool) (Total, error) {
	if hi>>63 != 0 && !(negative && hi == 1<<63 && lo == 0) {
		return Total{}, fmt.Errorf("%q: %w", s, ErrRange)
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return Total{hi: int64(hi), lo: lo}, nil
}
