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

// bigTotal is the reference value of a total in pico-dollars.
func bigTotal(t Total) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(t.hi), 64)
	return v.Add(v, new(big.Int).SetUint64(t.lo))
}

// bigText is the reference for Total.String.
func bigText(v *big.Int) string {
	text := new(big.Rat).SetFrac(v, big.NewInt(1e12)).FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func TestTotalAgreesWithBig(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	low := new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 127))
	high := new(big.Int).Sub(new(big.Int).Neg(low), big.NewInt(1))
	for range 20_000 {
		x, y := Total{numbers(r), uint64(numbers(r))}, Total{numbers(r), uint64(numbers(r))}
		want := new(big.Int).Add(bigTotal(x), bigTotal(y))
		if want.Cmp(low) < 0 {
			want = low
		}
		if want.Cmp(high) > 0 {
			want = high
		}
		sum := x
		sum.AddTotal(y)
		if bigTotal(sum).Cmp(want) != 0 {
			t.Fatalf("%s + %s = %s, want %s", bigTotal(x), bigTotal(y), bigTotal(sum), want)
		}
		if got := sum.String(); got != bigText(want) {
			t.Fatalf("String() = %q, want %q", got, bigText(want))
		}
		if got := sum.Amount(); got != clamp(want) {
			t.Fatalf("Amount() = %d, want %d", got, clamp(want))
		}
		out, err := json.Marshal(sum)
		if err != nil {
			t.Fatal(err)
		}
		var back Total
		if err := json.Unmarshal(out, &back); err != nil || back != sum {
			t.Fatalf("Unmarshal(%s) = %v, %v; want %v", out, back, err, sum)
		}
	}
}

func TestTotalOutgrowsAmount(t *testing.T) {
	t.Parallel()
	var total Total
	for range 1000 {
		total.Add(MaxAmount)
	}
	if got, want := total.String(), "9223372036.854775807"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if got := total.Amount(); got != MaxAmount {
		t.Errorf("Amount() = %d, want the limit", got)
	}
	for range 1000 {
		total.Add(-MaxAmount)
	}
	if total != (Total{}) {
		t.Errorf("after taking all back: %s, want 0", total)
	}
	if got := TotalOf(-1).Amount(); got != -1 {
		t.Errorf("TotalOf(-1).Amount() = %d", got)
	}
}

func TestTotalFloat64(t *testing.T) {
	t.Parallel()
	if got := TotalOf(-1_500e9).Float64(); math.Abs(got+1.5) > 1e-6 {
		t.Errorf("Float64() = %v, want about -1.5", got)
	}
	if got := (Total{hi: 1}).Float64(); got != 0x1p64/1e12 {
		t.Errorf("Float64() = %v, want 2^64 pico-dollars", got)
	}
}

func TestTotalRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       error
	}{
		{"word", `"x"`, ErrSyntax},
		{"too fine", `"0.0000000000001"`, ErrPrecision},
		{"too large", `"170141183460469231731687303.715884105728"`, ErrRange},
		{"too small", `"-170141183460469231731687303.715884105729"`, ErrRange},
		{"39 nines", `"999999999999999999999999999.999999999999"`, ErrRange},
		{"huge exponent", `"1e400"`, ErrRange},
		{"tiny exponent", `"1e-400"`, ErrPrecision},
		{"too long", `"` + strings.Repeat("0", 129) + `"`, ErrSyntax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var total Total
			if err := json.Unmarshal([]byte(tt.text), &total); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
		})
	}
	var total Total
	if err := json.Unmarshal([]byte(`0`), &total); err != nil || total != (Total{}) {
		t.Errorf("Unmarshal(0) = %v, %v", total, err)
	}
}
