// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package money

import (
	"errors"
	"math/big"
	"testing"
)

// FuzzParseUSD compares the parsers with math/big on every accepted text.
func FuzzParseUSD(f *testing.F) {
	for _, sample := range []string{"0", "-1.5", "1.25e-07", "9223372.036854775807", "1e999", ".", "0.0000000000005"} {
		f.Add(sample)
	}
	scale := new(big.Rat).SetInt64(1e12)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseUSD(text)
		rounded, roundErr := RoundUSD(text)
		if errors.Is(err, ErrPrecision) != (err != nil && roundErr == nil) {
			t.Fatalf("ParseUSD(%q) error %v, RoundUSD error %v", text, err, roundErr)
		}
		total, totalErr := parseTotal(text)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("ParseUSD(%q) = %d, but it is no number", text, got)
		}
		if want.Mul(want, scale); !want.IsInt() || !want.Num().IsInt64() || want.Num().Int64() != int64(got) {
			t.Fatalf("ParseUSD(%q) = %d, want %s", text, got, want)
		}
		if rounded != got {
			t.Fatalf("RoundUSD(%q) = %d, want %d", text, rounded, got)
		}
		if totalErr != nil || total != TotalOf(got) {
			t.Fatalf("parseTotal(%q) = %v, %v; want %v", text, total, totalErr, TotalOf(got))
		}
	})
}

func BenchmarkRateTimes(b *testing.B) {
	b.ReportAllocs()
	var sum Amount
	for b.Loop() {
		sum = sum.Add(Rate(150_000).Times(1234))
	}
	if sum == 0 {
		b.Fatal("nothing added")
	}
}

func BenchmarkAmountAppend(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 64)
	for b.Loop() {
		buf = Amount(300_000_000).Append(buf[:0])
	}
}
