// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

const (
	maxLabel = 128 // bytes of a name, custom id, group or tag
	maxModel = 256 // bytes of a model pattern
)

// checkLabel checks what will travel in a header: a name, custom id, group or
// tag. Besides control characters it refuses invisible ones, because two
// identities that look alike are a trap, and the comma, which separates the
// elements of a header.
func checkLabel(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > maxLabel:
		return fmt.Errorf("is longer than %d bytes", maxLabel)
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case s[0] == ' ' || s[len(s)-1] == ' ':
		return errors.New("starts or ends with a space")
	}
	for _, r := range s {
		if r == ',' {
			return errors.New("holds a comma")
		}
		if !unicode.IsPrint(r) {
			return errors.New("holds a control or invisible character")
		}
	}
	return nil
}

// checkModel checks a model pattern. Characters that mean something in other
// pattern languages and occur in no model name are refused, since whoever
// writes one expects more than `*` gives.
func checkModel(p string) error {
	switch {
	case p == "":
		return errors.New("is empty")
	case len(p) > maxModel:
		return fmt.Errorf("is longer than %d bytes", maxModel)
	case !utf8.ValidString(p):
		return errors.New("is not UTF-8")
	}
	for _, r := range p {
		switch {
		case strings.ContainsRune(`?[]{}()^$|\,`, r):
			return fmt.Errorf("holds %q; only * is a wildcard", r)
		case r == ' ' || !unicode.IsPrint(r):
			return errors.New("holds a space, control or invisible character")
		}
	}
	return nil
}

// parsePrefix reads an address or a CIDR network. IPv4-mapped IPv6 becomes
// IPv4, and host bits are cleared.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "%") {
		return netip.Prefix{}, errors.New("has a zone; write the address without it")
	}
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, errors.New("is neither an IP address nor a CIDR network")
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errors.New("is neither an IP address nor a CIDR network")
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("mixes IPv4 and IPv6; write one network of each")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// parseMoment reads an RFC 3339 time or a date in UTC; a date stands for its
// start, or for its end if end is set. The result is in nanoseconds since the
// Unix epoch, never 0. The error does not quote s: in a table whose columns
// slipped it may be a key.
func parseMoment(s string, end bool) (int64, error) {
	t, err := time.Parse(time.DateOnly, s)
	switch {
	case err != nil:
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			return 0, errors.New("is neither a date such as 2026-12-31 nor a time such as 2026-12-31T18:00:00Z")
		}
	case end:
		t = t.AddDate(0, 0, 1)
	}
	t = t.UTC()
	if t.Year() < 1971 || t.Year() > 2261 {
		return 0, errors.New("lies outside the years 1971 to 2261")
	}
	return t.UnixNano(), nil
}

// quote shows a piece of input in an error, shortened, and never a key.
func quote(s string) string {
	const most = 64
	switch {
	case apikey.WellFormed(s):
		return "(a key, not shown)"
	case len(s) > most:
		return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "..."
	default:
		return strconv.Quote(s)
	}
}

// specLabel names the consumer at index i in an error.
func specLabel(i int, name string) string {
	if name == "" {
		return fmt.Sprintf("consumer number %d", i+1)
	}
	return "consumer " + quote(name)
}
