// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package money

import (
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       Rate
		err        error
	}{
		{"mini", "0.15", 150_000, nil},
		{"cheapest cache read", "0.0028", 2_800, nil},
		{"six places", "0.003625", 3_625, nil},
		{"whole", "75", 75_000_000, nil},
		{"finest", "0.000001", 1, nil},
		{"too fine", "0.0000015", 0, ErrPrecision},
		{"word", "free", 0, ErrSyntax},
		{"too large", "1e13", 0, ErrRange},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseRate(tt.text)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseRate(%q) = %d, %v; want %d, %v", tt.text, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestParsePerToken(t *testing.T) {
	t.Parallel()
	got, err := ParsePerToken("1.25e-07")
	if want, _ := ParseRate("0.125"); err != nil || got != want {
		t.Errorf("ParsePerToken = %d, %v; want %d", got, err, want)
	}
	if _, err := ParsePerToken("1.25e-13"); !errors.Is(err, ErrPrecision) {
		t.Errorf("error = %v, want ErrPrecision", err)
	}
}

func TestRateJSON(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(Rate(150_000))
	if err != nil || string(out) != `"0.15"` {
		t.Errorf("Marshal = %s, %v", out, err)
	}
	var r Rate
	if err := json.Unmarshal([]byte(`"0.15"`), &r); err != nil || r != 150_000 {
		t.Errorf("Unmarshal = %d, %v", r, err)
	}
	if err := json.Unmarshal([]byte(`[]`), &r); err == nil {
		t.Error("Unmarshal([]) succeeded")
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, ratio string
		in, want    Amount
	}{
		{"one", "1", 7, 7},
		{"exact", "1.1", 10, 11},
		{"rounded up", "1.1", 1, 2},
		{"rounded away from zero", "1.1", -1, -2},
		{"below one", "0.5", 3, 2},
		{"zero", "0", 5, 0},
		{"saturates", "2", MaxAmount, MaxAmount},
		{"saturates far beyond", "9000000000", MaxAmount, MaxAmount},
		{"saturates below", "2", MinAmount, MinAmount},
		{"limit kept", "1.000", MinAmount, MinAmount},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ratio, err := ParseRatio(tt.ratio)
			if err != nil {
				t.Fatal(err)
			}
			if got := ratio.Of(tt.in); got != tt.want {
				t.Errorf("%s of %d = %d, want %d", tt.ratio, tt.in, got, tt.want)
			}
		})
	}
	if got := (Ratio{}).Of(7); got != 7 {
		t.Errorf("zero Ratio of 7 = %d, want 7", got)
	}
	if r, _ := ParseRatio("1.100"); r.String() != "1.1" || (Ratio{}).String() != "1" {
		t.Errorf("String() = %s and %s", r, Ratio{})
	}
	for _, text := range []string{"-1", "x", "0.0000000001"} {
		if _, err := ParseRatio(text); err == nil {
			t.Errorf("ParseRatio(%q) succeeded", text)
		}
	}
}

func TestRatioAgreesWithBig(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		v, scaled := numbers(r), r.Int64N(5e9)
		ratio := reduced(uint64(scaled), pow10[ratioScale])
		want := new(big.Int).Mul(big.NewInt(v), big.NewInt(scaled))
		rest := new(big.Int)
		want.QuoRem(want, big.NewInt(1e9), rest)
		want.Add(want, big.NewInt(int64(rest.Sign())))
		if got := ratio.Of(Amount(v)); got != clamp(want) {
			t.Fatalf("%s of %d = %d, want %d", ratio, v, got, want)
		}
	}
}
