// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"strings"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// maxRanges bounds how many language ranges of Accept-Language are looked at. Browsers
// send two to six.
const maxRanges = 16

// preferred returns the language that a client likes best among those that are taken,
// by the values of its Accept-Language (RFC 9110, section 12.5.4): the one with the
// highest weight, and of several with the same the first. Take says for a language
// whether it can be had, and as what. Ranges without a known language, with a weight of
// zero or one that is malformed do not count, nor does "*".
func preferred(values []string, take func(languages.Code) (languages.Code, bool)) (languages.Code, bool) {
	var (
		best   languages.Code
		weight = 0
		seen   = 0
	)
	for _, value := range values {
		for value != "" && seen < maxRanges {
			var r string
			r, value, _ = strings.Cut(value, ",")
			seen++
			tag, q, ok := languageRange(r)
			if !ok || q <= weight {
				continue
			}
			code, known := languages.Canonical(tag)
			if !known {
				continue
			}
			if taken, ok := take(code); ok {
				best, weight = taken, q
			}
		}
	}
	return best, weight > 0
}

// languageRange splits a range from its weight, which is given in thousandths.
func languageRange(r string) (tag string, q int, ok bool) {
	tag, params, weighted := strings.Cut(r, ";")
	tag = strings.Trim(tag, " \t")
	if !weighted {
		return tag, 1000, tag != ""
	}
	params = strings.Trim(params, " \t")
	if len(params) < 3 || params[0]|0x20 != 'q' || params[1] != '=' {
		return "", 0, false
	}
	q, ok = thousandths(params[2:])
	return tag, q, ok && tag != ""
}

// thousandths reads a weight (RFC 9110, section 12.4.2): 0 or 1, with up to three
// decimals.
func thousandths(s string) (int, bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0, false
	}
	q := int(whole[0]-'0') * 1000
	for i, unit := 0, 100; i < len(decimals); i, unit = i+1, unit/10 {
		c := decimals[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		q += int(c-'0') * unit
	}
	return q, q <= 1000
}
