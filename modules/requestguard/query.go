// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

// queryFault says what is wrong with a query.
type queryFault uint8

const (
	queryFine queryFault = iota
	queryTooLong
	queryTooManyParams
	queryMalformed
)

// checkQueryString looks at a raw query of at most maxBytes bytes and maxParams
// parameters. Parameters are counted as "&" separates them, empty ones
// included. A semicolon is refused because some servers separate at it and
// others do not; so is a "%" that begins no escape, and what may not stand in
// a request target at all.
func checkQueryString(raw string, maxBytes, maxParams int) queryFault {
	if raw == "" {
		return queryFine
	}
	if len(raw) > maxBytes {
		return queryTooLong
	}
	params := 1
	for i := range len(raw) {
		switch c := raw[i]; c {
		case '&':
			params++
		case '%':
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
				return queryMalformed
			}
		case ';', '#', 0x7f:
			return queryMalformed
		default:
			if c <= ' ' {
				return queryMalformed
			}
		}
	}
	if params > maxParams {
		return queryTooManyParams
	}
	return queryFine
}
