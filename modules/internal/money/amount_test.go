// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseUSD(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       Amount
		err        error
	}{
		{"zero", "0", 0, nil},
		{"negative zero", "-0.000", 0, nil},
		{"whole", "12", 12e12, nil},
		{"fraction", "0.0003", 300_000_000, nil},
		{"bare point left", ".5", 5e11, nil},
		{"bare point right", "5.", 5e12, nil},
		{"plus sign", "+1", 1e12, nil},
		{"scientific", "1.25e-07", 125_000, nil},
		{"scientific upper, plus", "2E+3", 2e15, nil},
		{"smallest", "0.000000000001", 1, nil},
		{"surplus zeros", "0.00000000000100000", 1, nil},
		{"many leading zeros", strings.Repeat("0", 60) + "1", 1e12, nil},
		{"largest", "9223372.036854775807", MaxAmount, nil},
		{"most negative", "-9223372.036854775808", MinAmount, nil},
		{"zero with huge exponent", "0e999999999", 0, nil},
		{"above largest", "9223372.036854775808", 0, ErrRange},
		{"below most negative", "-9223372.036854775809", 0, ErrRange},
		{"huge exponent", "1e999999999", 0, ErrRange},
		{"tiny exponent", "1e-999999999", 0, ErrPrecision},
		{"too fine", "0.0000000000001", 0, ErrPrecision},
		{"empty", "", 0, ErrSyntax},
		{"sign only", "-", 0, ErrSyntax},
		{"point only", ".", 0, ErrSyntax},
		{"two points", "1.2.3", 0, ErrSyntax},
		{"space", " 1", 0, ErrSyntax},
		{"comma", "1,5", 0, ErrSyntax},
		{"hexadecimal", "0x10", 0, ErrSyntax},
		{"infinity", "Inf", 0, ErrSyntax},
		{"empty exponent", "1e", 0, ErrSyntax},
		{"signed empty exponent", "1e-", 0, ErrSyntax},
		{"fractional exponent", "1e1.5", 0, ErrSyntax},
		{"too long", strings.Repeat("0", 129), 0, ErrSyntax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseUSD(tt.text)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseUSD(%q) = %d, %v; want %d, %v", tt.text, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestRoundUSD(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want Amount
	}{
		{"0.0011519999999999998", 1_152_000_000},
		{"0.0000000000005", 1},
		{"0.00000000000049999", 0},
		{"-0.0000000000015", -2},
		{"0.00000000000005", 0},
		{"0.5", 5e11},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			if got, err := RoundUSD(tt.text); err != nil || got != tt.want {
				t.Errorf("RoundUSD(%q) = %d, %v; want %d", tt.text, got, err, tt.want)
			}
		})
	}
	if _, err := RoundUSD("1e9"); !errors.Is(err, ErrRange) {
		t.Errorf("RoundUSD(1e9) error = %v, want ErrRange", err)
	}
}

func TestAmountString(t *testing.T) {
	t.Parallel()
	tests := map[Amount]string{
		0:           "0",
		1:           "0.000000000001",
		300_000_000: "0.0003",
		-12e12:      "-12",
		1_500e9:     "1.5",
		MaxAmount:   "9223372.036854775807",
		MinAmount:   "-9223372.036854775808",
	}
	for amount, want := range tests {
		if got := amount.String(); got != want {
			t.Errorf("Amount(%d).String() = %q, want %q", int64(amount), got, want)
		}
	}
}

func TestAmountJSON(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(map[string]Amount{"cost": 300_000_000})
	if err != nil || string(out) != `{"cost":"0.0003"}` {
		t.Fatalf("Marshal = %s, %v", out, err)
	}
	for _, text := range []string{`"0.0003"`, `0.0003`, `3e-4`, `3.0E-4`} {
		var a Amount
		if err := json.Unmarshal([]byte(text), &a); err != nil || a != 300_000_000 {
			t.Errorf("Unmarshal(%s) = %d, %v", text, a, err)
		}
	}
	for _, text := range []string{`"x"`, `null`, `true`, `{}`} {
		var a Amount
		if err := json.Unmarshal([]byte(text), &a); err == nil {
			t.Errorf("Unmarshal(%s) = %d, want an error", text, a)
		}
	}
}

func TestAmountFloat64(t *testing.T) {
	t.Parallel()
	if got := Amount(1_500e9).Float64(); got != 1.5 {
		t.Errorf("Float64() = %v, want 1.5", got)
	}
}

// numbers returns values that crowd the places where arithmetic breaks.
func numbers(r *rand.Rand) int64 {
	switch r.IntN(5) {
	case 0:
		return math.MaxInt64 - r.Int64N(3)
	case 1:
		return math.MinInt64 + r.Int64N(3)
	case 2:
		return r.Int64N(7) - 3
	case 3:
		return int64(r.Uint64()) >> r.IntN(64)
	}
	return int64(r.Uint64())
}

// clamp is the reference for saturation.
func clamp(v *big.Int) Amount {
	if v.IsInt64() {
		return Amount(v.Int64())
	}
	return limit(v.Sign() < 0)
}

func TestArithmeticAgreesWithBig(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		x, y := numbers(r), numbers(r)
		bx, by := big.NewInt(x), big.NewInt(y)
		check := func(op string, got Amount, want *big.Int) {
			if got != clamp(want) {
				t.Fatalf("%d %s %d = %d, want %d", x, op, y, got, clamp(want))
			}
		}
		check("+", Amount(x).Add(Amount(y)), new(big.Int).Add(bx, by))
		check("-", Amount(x).Sub(Amount(y)), new(big.Int).Sub(bx, by))
		check("*", Rate(x).Times(y), new(big.Int).Mul(bx, by))
	}
}

func TestTextRoundTrips(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		v := numbers(r)
		if got, err := ParseUSD(Amount(v).String()); err != nil || got != Amount(v) {
			t.Fatalf("ParseUSD(%q) = %d, %v; want %d", Amount(v), got, err, v)
		}
		if got, err := ParseRate(Rate(v).String()); err != nil || got != Rate(v) {
			t.Fatalf("ParseRate(%q) = %d, %v; want %d", Rate(v), got, err, v)
		}
	}
}
