// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import "slices"

// Rule is the name of one rule, for switching it off.
type Rule string

// The rules, in the order in which they look at a request.
const (
	// RuleMethods admits configured methods only.
	RuleMethods Rule = "methods"
	// RuleEarlyData refuses what TLS early data may replay.
	RuleEarlyData Rule = "early_data"
	// RuleAbsoluteForm refuses request targets that are not a path.
	RuleAbsoluteForm Rule = "absolute_form"
	// RulePathCharacters refuses control characters, invalid UTF-8 and a raw
	// "#" in the path.
	RulePathCharacters Rule = "path_characters"
	// RuleBackslashes refuses backslashes in the path, raw and encoded.
	RuleBackslashes Rule = "backslashes"
	// RuleEncodedSlashes refuses "%2f" in the path.
	RuleEncodedSlashes Rule = "encoded_slashes"
	// RuleDoubleEncoding refuses paths which, decoded once, can be decoded
	// again.
	RuleDoubleEncoding Rule = "double_encoding"
	// RuleDotSegments refuses path segments that end in a dot or a space, the
	// segments "." and ".." among them.
	RuleDotSegments Rule = "dot_segments"
	// RuleEmptySegments refuses "//" in the path.
	RuleEmptySegments Rule = "empty_segments"
	// RulePathParameters refuses ";" in the path, raw and encoded.
	RulePathParameters Rule = "path_parameters"
	// RuleQuery bounds the query and refuses ";" and broken escapes in it.
	RuleQuery Rule = "query"
	// RuleHeaders bounds the number of header lines.
	RuleHeaders Rule = "headers"
	// RuleDuplicateHeaders refuses a second line of a header that has one
	// value by definition and decides something.
	RuleDuplicateHeaders Rule = "duplicate_headers"
	// RuleExpect refuses expectations other than 100-continue.
	RuleExpect Rule = "expect"
	// RuleConnection reduces Connection to the connection's own options.
	RuleConnection Rule = "connection"
	// RuleUpgrade removes upgrades to anything but websocket.
	RuleUpgrade Rule = "upgrade"
	// RuleOverrides removes headers that replace method or path.
	RuleOverrides Rule = "overrides"
	// RuleForwarded removes statements about the client's address or request
	// that come from a peer which is not a trusted proxy.
	RuleForwarded Rule = "forwarded"
	// RuleTrailers removes reserved fields from trailers.
	RuleTrailers Rule = "trailers"
)

// Rules lists every rule, in the order in which they look at a request.
func Rules() []Rule { return slices.Clone(allRules[:]) }

var allRules = [...]Rule{
	RuleMethods, RuleEarlyData, RuleAbsoluteForm, RulePathCharacters,
	RuleBackslashes, RuleEncodedSlashes, RuleDoubleEncoding, RuleDotSegments,
	RuleEmptySegments, RulePathParameters, RuleQuery, RuleHeaders,
	RuleDuplicateHeaders, RuleExpect, RuleConnection, RuleUpgrade,
	RuleOverrides, RuleForwarded, RuleTrailers,
}

// ruleSet is the rules that are in force, one bit each.
type ruleSet uint32

// The bits, in the order of allRules.
const (
	checkMethods ruleSet = 1 << iota
	checkEarlyData
	checkAbsoluteForm
	checkPathCharacters
	checkBackslashes
	checkEncodedSlashes
	checkDoubleEncoding
	checkDotSegments
	checkEmptySegments
	checkPathParameters
	checkQuery
	checkHeaders
	checkDuplicateHeaders
	checkExpect
	checkConnection
	checkUpgrade
	checkOverrides
	checkForwarded
	checkTrailers
	everyRule = 1<<iota - 1
)

// allBut is every rule except those in off.
func allBut(off []Rule) ruleSet {
	set := ruleSet(everyRule)
	for _, name := range off {
		if i := slices.Index(allRules[:], name); i >= 0 {
			set &^= 1 << i
		}
	}
	return set
}

func (s ruleSet) has(rule ruleSet) bool { return s&rule != 0 }
