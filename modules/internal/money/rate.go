// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package money

import (
	"fmt"
	"math/bits"
)

// rateScale is the number of decimal places of a Rate in USD per million
// tokens.
const rateScale = 6

// Rate is a price in pico-dollars per token, which is the price in USD per
// million tokens times 1e6.
type Rate int64

// ParseRate reads a price in USD per million tokens: "0.15" is 150000. A
// price finer than one pico-dollar per token is an error wrapping
// ErrPrecision.
func ParseRate(usdPerMTok string) (Rate, error) {
	v, err := parseExact(usdPerMTok, rateScale)
	if err != nil {
		return 0, fmt.Errorf("parse rate: %w", err)
	}
	return Rate(v), nil
}

// ParsePerToken reads a price in USD per single token, such as "1.25e-07".
// A price finer than one pico-dollar per token is an error wrapping
// ErrPrecision.
func ParsePerToken(usd string) (Rate, error) {
	v, err := parseExact(usd, amountScale)
	if err != nil {
		return 0, fmt.Errorf("parse rate: %w", err)
	}
	return Rate(v), nil
}

// Times returns the price of n tokens, saturating.
func (r Rate) Times(n int64) Amount {
	return multiply(int64(r), n)
}

// String returns the exact price in USD per million tokens.
func (r Rate) String() string {
	var buf [32]byte
	return string(r.Append(buf[:0]))
}

// Append appends the text of String to dst.
func (r Rate) Append(dst []byte) []byte {
	return appendScaled(dst, int64(r), rateScale)
}

// MarshalJSON encodes the rate as a string holding the decimal in USD per
// million tokens.
func (r Rate) MarshalJSON() ([]byte, error) {
	return quoted(r.Append), nil
}

// UnmarshalJSON decodes a decimal in USD per million tokens from a JSON string
// or number.
func (r *Rate) UnmarshalJSON(data []byte) error {
	v, err := ParseRate(unquoted(data))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// Ratio is an exact non-negative fraction such as 11/10, by which a sum is
// multiplied. The zero value counts as one.
type Ratio struct {
	num, den uint64
}

// ratioScale is the number of decimal places a Ratio is read with.
const ratioScale = 9

// ParseRatio reads a decimal factor such as "1.1". Negative factors and those
// with more than nine decimal places are errors.
func ParseRatio(s string) (Ratio, error) {
	v, err := parseExact(s, ratioScale)
	if err != nil {
		return Ratio{}, fmt.Errorf("parse ratio: %w", err)
	}
	if v < 0 {
		return Ratio{}, fmt.Errorf("parse ratio: %q: %w", s, ErrRange)
	}
	return reduced(uint64(v), pow10[ratioScale]), nil
}

// IsOne reports whether multiplying by the ratio changes nothing.
func (r Ratio) IsOne() bool {
	return r.num == r.den
}

// Of returns the amount times the ratio, rounded up (away from zero) to a
// whole pico-dollar and saturating. Rounding up means that a charge is never
// understated; the error is below one pico-dollar.
func (r Ratio) Of(a Amount) Amount {
	if r.IsOne() {
		return a
	}
	hi, lo := bits.Mul64(magnitude(int64(a)), r.num)
	if hi >= r.den {
		return limit(a < 0)
	}
	quotient, rest := bits.Div64(hi, lo, r.den)
	if rest > 0 && quotient < 1<<63 {
		quotient++
	}
	return signed(quotient, a < 0)
}

// String returns the exact decimal value of the ratio.
func (r Ratio) String() string {
	if r.IsOne() {
		return "1"
	}
	return string(appendScaled(nil, int64(r.num*(pow10[ratioScale]/r.den)), ratioScale))
}

// reduced returns num/den in lowest terms, so that equal ratios are equal.
func reduced(num, den uint64) Ratio {
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	if num == den {
		return Ratio{}
	}
	return Ratio{num: num / a, den: den / a}
}
