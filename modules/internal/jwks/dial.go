// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwks

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// dialer returns the function that connects: the address that a name has led to is looked at
// in the moment of connecting, so that it cannot have another one by then.
func dialer(configured string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: Timeout, Control: func(_, resolved string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(resolved)
			if err != nil || !permitted(at.Addr(), host, configured) {
				return errAddress
			}
			return nil
		}}
		return d.DialContext(ctx, network, address)
	}
}
