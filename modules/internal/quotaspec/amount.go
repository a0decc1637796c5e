// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// picoPerNano is how many units of money.Amount make one of limits.Cost.
const picoPerNano = 1000

// exampleOf returns a limit of a unit, for errors.
func exampleOf(unit limits.Unit) string {
	switch unit {
	case limits.Cost:
		return "50usd/month"
	case limits.Concurrent:
		return "20"
	case limits.Requests:
		return "1000/min"
	default:
		return "200k/min"
	}
}

// parseAmount reads how much of a unit is allowed, in the units of limits.Rule:
// from 1 to limits.MaxCount.
func parseAmount(unit limits.Unit, text string) (n int64, err error) {
	if unit == limits.Cost {
		n, err = parseCost(text)
	} else {
		n, err = parseCount(text)
	}
	if err == nil && n == 0 {
		return 0, fmt.Errorf("%s lets nothing pass; write an amount above zero", text)
	}
	return n, err
}

// parseCount reads a whole number, with k for thousands or M for millions behind
// it: 1000, 200k, 1.5M.
func parseCount(text string) (int64, error) {
	number, zeros := text, 0
	switch {
	case strings.HasSuffix(text, "k"):
		number, zeros = strings.TrimSuffix(text, "k"), 3
	case strings.HasSuffix(text, "M"):
		number, zeros = strings.TrimSuffix(text, "M"), 6
	}
	if err := checkDecimal(number); err != nil {
		switch {
		case strings.HasPrefix(text, "$") || strings.HasSuffix(strings.ToLower(text), "usd"):
			return 0, fmt.Errorf("%q is money, which only cost limits; write a number such as 1000, 200k or 1.5M", text)
		case strings.HasSuffix(text, "K"), strings.HasSuffix(text, "m"):
			return 0, fmt.Errorf("%q has an unknown unit; write k for thousands and M for millions", text)
		}
		return 0, fmt.Errorf("%q %w such as 1000, 200k or 1.5M", text, err)
	}
	whole, fraction, _ := strings.Cut(number, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > zeros {
		return 0, fmt.Errorf("%s is not a whole number", text)
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", zeros-len(fraction)), 10, 64)
	if err != nil || n > limits.MaxCount {
		return 0, fmt.Errorf("%s is too large; it must be at most %d", text, int64(limits.MaxCount))
	}
	return n, nil
}

// parseCost reads US dollars, exactly, in billionths: 50usd, 0.5usd or $50.
func parseCost(text string) (int64, error) {
	number, sign := strings.CutPrefix(text, "$")
	word := false
	if n := len(number) - len("usd"); n >= 0 && strings.EqualFold(number[n:], "usd") {
		number, word = number[:n], true
	}
	if sign && word {
		return 0, fmt.Errorf("%q says twice that it is in dollars; write one such as 50usd", text)
	}
	if err := checkDecimal(number); err != nil {
		return 0, fmt.Errorf("%q %w of US dollars such as 50usd or 0.5usd", text, err)
	}
	if !sign && !word {
		return 0, fmt.Errorf("%s has no currency; write %[1]susd", text)
	}
	amount, err := money.ParseUSD(number)
	switch {
	case errors.Is(err, money.ErrPrecision), err == nil && amount%picoPerNano != 0:
		return 0, fmt.Errorf("%s is finer than a billionth of a dollar", text)
	case err != nil, int64(amount/picoPerNano) > limits.MaxCount:
		return 0, fmt.Errorf("%s is too large; it must be at most %d usd", text, int64(limits.MaxCount/limits.NanoPerUSD))
	}
	return int64(amount / picoPerNano), nil
}

// checkDecimal refuses what is not digits with at most one point between them.
// The error goes on with examples.
func checkDecimal(number string) error {
	switch {
	case number == "":
		return errors.New("is not a number; write one")
	case strings.HasPrefix(number, "-"):
		return errors.New("is negative; write a number above zero")
	case strings.ContainsAny(number, ",_'"):
		return errors.New("has separators between its digits; write a plain number")
	case len(number) > 64:
		return errors.New("is too long; write a number")
	}
	whole, fraction, point := strings.Cut(number, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		return errors.New("is not a number; write one")
	}
	return nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
