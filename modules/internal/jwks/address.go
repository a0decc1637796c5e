// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwks

import (
	"errors"
	"net/netip"
	"slices"
)

var errAddress = errors.New("the address is one of a private network, which only the configured host may have")

// permitted says that a fetch may connect to addr, for a URL whose host is that which is
// configured, or another one that metadata have named.
func permitted(addr netip.Addr, host, configured string) bool {
	addr = addr.Unmap().WithZone("")
	if literal, err := netip.ParseAddr(configured); err == nil && host == configured && literal.Unmap() == addr {
		return true
	}
	if isLink(addr) || slices.ContainsFunc(embedded(addr), isLink) {
		return false
	}
	return host == configured || !isInner(addr)
}

// isLink says that an address is none of one host somewhere, or one under which clouds have
// their metadata: that is for nobody but who runs there.
func isLink(addr netip.Addr) bool {
	return addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || thisNetwork.Contains(addr) ||
		slices.Contains(metadataOfClouds, addr)
}

var thisNetwork = netip.MustParsePrefix("0.0.0.0/8")

// metadataOfClouds are addresses of metadata which are no link-local ones.
var metadataOfClouds = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("100.100.100.200"), // Alibaba
}

// isInner says that an address is not a public one, or leads to where nobody can tell.
func isInner(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || slices.ContainsFunc(inner, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// inner are the ranges of the registries of special purposes (RFC 6890) that are not global,
// or that stand for other addresses. Those of documentation lead nowhere.
var inner = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"),   // of carriers (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),    // of protocols (RFC 6890)
	netip.MustParsePrefix("192.88.99.0/24"),  // relays of 6to4 (RFC 7526)
	netip.MustParsePrefix("198.18.0.0/15"),   // of benchmarks (RFC 2544)
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved (RFC 1112), in use inside of some clouds
	netip.MustParsePrefix("::/96"),           // IPv4 in the old way (RFC 4291, section 2.5.5.1)
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4 behind a translator (RFC 2765)
	netip.MustParsePrefix("64:ff9b::/96"),    // IPv4 behind NAT64 (RFC 6052)
	netip.MustParsePrefix("64:ff9b:1::/48"),  // the same within a network (RFC 8215)
	netip.MustParsePrefix("100::/64"),        // where nothing is (RFC 6666)
	netip.MustParsePrefix("2001::/23"),       // of protocols (RFC 2928), Teredo (RFC 4380) among them
	netip.MustParsePrefix("2002::/16"),       // 6to4 (RFC 3056)
	netip.MustParsePrefix("5f00::/16"),       // segments of a network (RFC 9602)
	netip.MustParsePrefix("fec0::/10"),       // of a site (RFC 3879)
}

// embedded returns the IPv4 addresses to which an IPv6 address may lead.
func embedded(addr netip.Addr) []netip.Addr {
	if !addr.Is6() {
		return nil
	}
	a := addr.As16()
	at := func(i, j, k, l int) netip.Addr { return netip.AddrFrom4([4]byte{a[i], a[j], a[k], a[l]}) }
	switch {
	case a[0] == 0x20 && a[1] == 0x02: // 6to4
		return []netip.Addr{at(2, 3, 4, 5)}
	case a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 && a[3] == 0: // Teredo: server, and client with its bits turned
		client := [4]byte{^a[12], ^a[13], ^a[14], ^a[15]}
		return []netip.Addr{at(4, 5, 6, 7), netip.AddrFrom4(client)}
	case a[0] == 0 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b && a[4] == 0 && a[5] == 1:
		// Behind 48, 64 or 96 bits of a prefix that nobody else knows; what is zero there says nothing.
		return slices.DeleteFunc([]netip.Addr{at(6, 7, 9, 10), at(9, 10, 11, 12), at(12, 13, 14, 15)}, thisNetwork.Contains)
	case slices.ContainsFunc(inLastBits, func(p netip.Prefix) bool { return p.Contains(addr) }) && addr != netip.IPv6Loopback():
		return []netip.Addr{at(12, 13, 14, 15)}
	}
	return nil
}

// inLastBits are ranges whose last 32 bits are an IPv4 address.
var inLastBits = []netip.Prefix{
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"),
}
