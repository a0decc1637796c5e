// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
)

// ByKind is what limits count by.
type ByKind uint8

// What limits can count by.
const (
	ByUnset       ByKind = iota // nothing was said
	ByConsumer                  // who calls
	ByCredential                // the key with which somebody calls
	ByGroup                     // each group that the caller is in
	ByIP                        // the prefix of the caller's address
	ByRoute                     // the route, as gateway_route names it
	ByHeader                    // a header field of the request
	ByPlaceholder               // the value of a placeholder
	ByGlobal                    // everybody together
)

var byNames = [...]string{"", "consumer", "credential", "group", "ip", "route", "header", "placeholder", "global"}

// String returns the word for k, which is empty for ByUnset.
func (k ByKind) String() string {
	if int(k) < len(byNames) {
		return byNames[k]
	}
	return "unknown"
}

const (
	defaultIPv4 = 32
	defaultIPv6 = 64
)

const byForms = "write consumer, credential, group, ip [<IPv4 bits> [<IPv6 bits>]], route, header <name>, {placeholder} or global"

// By says who is counted. Its text is what is written in a Caddyfile, such as
// "ip 24 56".
type By struct {
	// Kind says by what.
	Kind ByKind
	// Name is the header, in canonical form, or the placeholder with its braces.
	Name string
	// IPv4 and IPv6 are the lengths of prefixes, for ByIP: what is counted is the
	// network of that length. Default: 32 and 64.
	IPv4, IPv6 int
}

// ParseBy reads the arguments of the option by.
func ParseBy(args []string) (By, error) {
	if len(args) == 0 || args[0] == "" {
		return By{}, errors.New("it is not said by what; " + byForms)
	}
	word, rest := args[0], args[1:]
	if strings.ContainsAny(word, "{}") {
		if err := checkPlaceholder(word); err != nil {
			return By{}, err
		}
		return By{Kind: ByPlaceholder, Name: word}, surplus(word, rest)
	}
	switch word {
	case "header":
		return parseByHeader(rest)
	case "ip":
		return parseByIP(rest)
	}
	for _, k := range []ByKind{ByConsumer, ByCredential, ByGroup, ByRoute, ByGlobal} {
		if k.String() == word {
			return By{Kind: k}, surplus(word, rest)
		}
	}
	return By{}, fmt.Errorf("%q is nothing to count by; %s", word, byForms)
}

func surplus(word string, rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("%q is too much behind %s; limits count by one thing, write another quota for the other", rest[0], word)
	}
	return nil
}

func parseByHeader(args []string) (By, error) {
	if len(args) != 1 {
		return By{}, errors.New("write: header <name>")
	}
	if !isToken(args[0]) {
		return By{}, fmt.Errorf("%q is not a header name; write one such as X-Tenant, without spaces or colon", args[0])
	}
	name := textproto.CanonicalMIMEHeaderKey(args[0])
	if name == "Host" {
		return By{}, errors.New("the header Host is not among the others; write {http.request.host}")
	}
	return By{Kind: ByHeader, Name: name}, nil
}

func parseByIP(args []string) (By, error) {
	b := By{Kind: ByIP, IPv4: defaultIPv4, IPv6: defaultIPv6}
	if len(args) > 2 {
		return By{}, errors.New("write: ip [<IPv4 bits> [<IPv6 bits>]], such as ip 24 56")
	}
	for i, p := range []struct {
		into *int
		name string
		most int
	}{{&b.IPv4, "IPv4", 32}, {&b.IPv6, "IPv6", 128}} {
		if i >= len(args) {
			break
		}
		n, err := strconv.Atoi(args[i])
		if err != nil || !isDigits(args[i]) || n < 1 || n > p.most {
			return By{}, fmt.Errorf("%q is not the length of an %s prefix; write a number from 1 to %d", args[i], p.name, p.most)
		}
		*p.into = n
	}
	return b, nil
}

// String returns b as it is written in a Caddyfile, and "" if nothing was said.
func (b By) String() string {
	switch {
	case b.Kind == ByPlaceholder:
		return b.Name
	case b.Kind == ByHeader:
		return "header " + b.Name
	case b.Kind == ByIP && b.IPv6 != defaultIPv6:
		return fmt.Sprintf("ip %d %d", b.IPv4, b.IPv6)
	case b.Kind == ByIP && b.IPv4 != defaultIPv4:
		return fmt.Sprintf("ip %d", b.IPv4)
	}
	return b.Kind.String()
}

func parseByText(text string) (By, error) {
	if text == "" {
		return By{}, nil
	}
	if strings.HasPrefix(text, "{") {
		return ParseBy([]string{text}) // it may hold spaces
	}
	return ParseBy(strings.Fields(text))
}

// isToken says that s is a token of RFC 9110 section 5.6.2, as the name of a
// header field must be.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
