// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

// Reasons why tests fail.
const (
	noOrigin = "The origin breaks off, and the answer must not be served stale; nor is it: the gateway answers 502. The test takes " +
		"every answer without the origin's Server-Request-Count for one from the cache, so that no cache can pass it; later versions " +
		"of the suite have it otherwise."
	ageList = "Age holds a list, and so the age is not known: such an answer counts as stale. The suite wants that of every other " +
		"list, and of this one what RFC 9111 section 5.1 suggests for all, that its first member counts."
	framing = "The origin sends a Transfer-Encoding that does not exist. Where the message ends is then unknown, and RFC 9112 " +
		"section 6.1 has it refused: the gateway answers 502."
	olderThanStored = "What is stored has no Last-Modified and came later than the If-Modified-Since of the request. RFC 9111 section " +
		"4.3.2 has a 304 only where it came no later; the client gets the whole answer from the cache."
	parts = "Only whole answers are stored. Ranges are served out of these; parts are passed on. The parts of this test are " +
		"shorter than their Content-Range says, besides."
	missingParts = "Only whole answers are stored, so there is no part that could be completed."
	languages    = "Only the origin knows which languages it has. A request with another Accept-Language is asked of it."
	languageList = "An origin may prefer, among languages of the same weight, the one that is named first, as many do. A request with " +
		"another order is asked of it."
	postedText = "A POST is a question or a change. That the answer to a change is a representation of its target that GETs can be " +
		"answered with is allowed by RFC 9110 section 9.3.3, and hardly any origin says so; it is not stored."
)

// known are the tests that fail, and why that is so. Checks, which no cache can fail, are
// not among them.
var known = map[string]string{
	"age-parse-prefix":                              ageList,
	"stale-close-must-revalidate":                   noOrigin,
	"stale-close-proxy-revalidate":                  noOrigin,
	"stale-close-no-cache":                          noOrigin,
	"stale-close-s-maxage=2":                        noOrigin,
	"headers-store-Transfer-Encoding":               framing,
	"conditional-lm-fresh-no-lm":                    olderThanStored,
	"method-POST":                                   postedText,
	"vary-normalise-lang-order":                     languageList,
	"vary-normalise-lang-select":                    languages,
	"partial-store-partial-reuse-partial":           parts,
	"partial-store-partial-reuse-partial-byterange": parts,
	"partial-store-partial-reuse-partial-absent":    parts,
	"partial-store-partial-reuse-partial-suffix":    parts,
	"partial-store-partial-complete":                missingParts,
}
