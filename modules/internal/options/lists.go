// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Strings reads one or more arguments, none empty and none twice, and appends
// them to p.
func Strings(p *[]string) Option {
	return Func("<text>...", func(args []string) error {
		return appendEach(p, args, same, func(s string) error {
			if s == "" {
				return errors.New("a value is empty")
			}
			return nil
		})
	})
}

// EnumList reads one or more of the allowed words, none twice, and appends
// them to p.
func EnumList[T ~string](p *[]T, allowed ...T) Option {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return Func(strings.Join(words, "|")+"...", func(args []string) error {
		for _, s := range args {
			if !slices.Contains(allowed, T(s)) {
				return fmt.Errorf("%q is not one of: %s", s, strings.Join(words, ", "))
			}
			if slices.Contains(*p, T(s)) {
				return fmt.Errorf("%q is listed twice", s)
			}
			*p = append(*p, T(s))
		}
		return nil
	})
}

// Header reads the name of one HTTP header field into p, as it is written.
func Header(p *string) Option {
	return Func("<header>", func(args []string) error {
		*p = args[0]
		return CheckHeader(args[0])
	})
}

// Headers reads the names of one or more HTTP header fields, none twice in
// whatever case, and appends them to p as they are written.
func Headers(p *[]string) Option {
	return Func("<header>...", func(args []string) error {
		return appendEach(p, args, strings.EqualFold, CheckHeader)
	})
}

// CheckHeader returns an error unless name is a token in the sense of RFC 9110
// section 5.6.2, as the name of a header field must be.
func CheckHeader(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("%q is not a header name; write one such as X-API-Key, without spaces or colon", name)
	}
	return nil
}

// CheckRequestHeader is CheckHeader for a header by which clients say something. It refuses
// names with _ or . as well: Caddy drops those, and where the options of a server,
// expected_underscore_headers and expected_dot_headers, let them in, upstreams may take them
// for the name with -, which says nothing here.
func CheckRequestHeader(name string) error {
	if err := CheckHeader(name); err != nil {
		return err
	}
	if strings.ContainsAny(name, "_.") {
		return fmt.Errorf("%q is a name that Caddy drops, unless told to expect it, since upstreams may take _ and . for -; write %q",
			name, strings.NewReplacer("_", "-", ".", "-").Replace(name))
	}
	return nil
}

// Prefixes reads one or more IP addresses or CIDR prefixes, none twice, and
// appends them to p as they are written. The word private_ranges stands for
// the ranges that it stands for in Caddy's own directives.
func Prefixes(p *[]string) Option {
	return Func("<ip|cidr>...", func(args []string) error {
		var expanded []string
		for _, s := range args {
			if s != "private_ranges" {
				expanded = append(expanded, s)
				continue
			}
			for _, r := range caddyhttp.PrivateRangesCIDR() {
				// Among them are a lone address and a prefix that Caddy writes
				// with bits behind its length.
				if prefix, err := netip.ParsePrefix(r); err == nil {
					r = prefix.Masked().String()
				}
				expanded = append(expanded, r)
			}
		}
		return appendEach(p, expanded, same, func(s string) error {
			_, err := ParsePrefix(s)
			return err
		})
	})
}

// ParsePrefix reads an IP address, as the prefix that holds it alone, or a
// CIDR prefix. Addresses with a zone, IPv4 addresses written as IPv6, and
// prefixes with bits behind their length are refused: they would never match,
// or match more than they seem to.
func ParsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		switch {
		case err != nil:
			return netip.Prefix{}, fmt.Errorf("%q is not an IP address or CIDR prefix; write one such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32", s)
		case addr.Zone() != "":
			return netip.Prefix{}, fmt.Errorf("%q has a zone; write the address without %%%s", s, addr.Zone())
		case addr.Is4In6():
			return netip.Prefix{}, fmt.Errorf("%q is an IPv4 address in IPv6 form; write %s", s, addr.Unmap())
		}
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a CIDR prefix; write one such as 10.0.0.0/8 or 2001:db8::/32", s)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 prefix in IPv6 form; write it as IPv4", s)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length; write %s or %s", s, prefix.Masked(), prefix.Addr())
	}
	return prefix, nil
}

// appendEach appends args to p after checking each, and refuses what is equal
// to one that is there already.
func appendEach(p *[]string, args []string, equal func(a, b string) bool, check func(string) error) error {
	for _, s := range args {
		if err := check(s); err != nil {
			return err
		}
		if slices.ContainsFunc(*p, func(have string) bool { return equal(have, s) }) {
			return fmt.Errorf("%q is listed twice", s)
		}
		*p = append(*p, s)
	}
	return nil
}

func same(a, b string) bool { return a == b }
