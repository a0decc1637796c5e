// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/caddyserver/caddy/v2"
)

// String reads one argument that is not empty into p.
func String(p *string) Option {
	return Func("<text>", func(args []string) error {
		if args[0] == "" {
			return errors.New("the value is empty")
		}
		*p = args[0]
		return nil
	})
}

// Flag sets p to true when the option is present; it takes no argument.
func Flag(p *bool) Option {
	return Func("", func([]string) error {
		*p = true
		return nil
	})
}

// Bool reads "on" or "off" into p.
func Bool(p *bool) Option {
	return Func("on|off", func(args []string) (err error) {
		*p, err = parseBool(args[0])
		return err
	})
}

// BoolPtr reads "on" or "off" into a new bool at p, for fields whose default
// is on and which must therefore tell "off" from "not given".
func BoolPtr(p **bool) Option {
	return Func("on|off", func(args []string) error {
		b, err := parseBool(args[0])
		*p = &b
		return err
	})
}

func parseBool(s string) (bool, error) {
	switch s {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off", s)
}

// Enum reads one of the allowed words into p.
func Enum[T ~string](p *T, allowed ...T) Option {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return Func(strings.Join(words, "|"), func(args []string) error {
		if !slices.Contains(allowed, T(args[0])) {
			return fmt.Errorf("%q is not one of: %s", args[0], strings.Join(words, ", "))
		}
		*p = T(args[0])
		return nil
	})
}

// Int reads a whole number from lowest to highest, both included, into p.
func Int[T ~int | ~int32 | ~int64](p *T, lowest, highest T) Option {
	return Func("<number>", func(args []string) error {
		n, err := ParseInt(args[0], int64(lowest), int64(highest))
		if err == nil {
			*p = T(n)
		}
		return err
	})
}

// ParseInt reads a whole number from lowest to highest, both included, for
// options that Func reads.
func ParseInt(s string, lowest, highest int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	if err != nil || n < lowest || n > highest {
		return 0, fmt.Errorf("%s is out of range; it must be from %d to %d", s, lowest, highest)
	}
	return n, nil
}

// Duration reads a duration of zero or more, such as 250ms, 5m or 1.5d, into
// p.
func Duration(p *caddy.Duration) Option {
	return DurationBetween(p, 0, math.MaxInt64)
}

// DurationBetween reads a duration from lowest to highest, both included, into
// p.
func DurationBetween(p *caddy.Duration, lowest, highest time.Duration) Option {
	return Func("<duration>", func(args []string) error {
		v, err := ParseDuration(args[0], lowest, highest)
		if err == nil {
			*p = caddy.Duration(v)
		}
		return err
	})
}

// ParseDuration reads a duration from lowest to highest, both included, for
// options that Func reads.
func ParseDuration(s string, lowest, highest time.Duration) (time.Duration, error) {
	v, err := caddy.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration; write a number and a unit, such as 250ms, 30s, 5m, 1h or 1d", s)
	case v < 0 && lowest >= 0:
		return 0, fmt.Errorf("%s is negative; write a duration that is not", s)
	case v < lowest:
		return 0, fmt.Errorf("%s is too short; it must be at least %s", s, lowest)
	case v > highest:
		return 0, fmt.Errorf("%s is too long; it must be at most %s", s, highest)
	}
	return v, nil
}

// Size reads a number of bytes above zero, such as 512B, 64KB or 10MiB, into
// p. As in Caddy's own directives, KB is 1000 bytes and KiB is 1024. The unit
// must be written.
func Size(p *int64) Option {
	return SizeBetween(p, 1, math.MaxInt64)
}

// SizeBetween reads a number of bytes from lowest to highest, both included,
// into p.
func SizeBetween(p *int64, lowest, highest int64) Option {
	return Func("<size>", func(args []string) error {
		n, err := ParseSize(args[0], lowest, highest)
		if err == nil {
			*p = n
		}
		return err
	})
}

// ParseSize reads a number of bytes from lowest to highest, both included, for
// options that Func reads.
func ParseSize(s string, lowest, highest int64) (int64, error) {
	const units = "such as 512B, 64KB or 10MiB"
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		return 0, fmt.Errorf("%s lacks a unit; write a size %s", s, units)
	}
	n, err := humanize.ParseBytes(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a size; write a number and a unit, %s", s, units)
	case n > math.MaxInt64 || int64(n) > highest:
		return 0, fmt.Errorf("%s is too large; it must be at most %s", s, humanize.IBytes(uint64(highest)))
	case int64(n) < lowest:
		return 0, fmt.Errorf("%s is too small; it must be at least %s", s, humanize.IBytes(uint64(lowest)))
	}
	return int64(n), nil
}
