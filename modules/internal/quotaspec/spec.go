// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package quotaspec is what an operator writes about limits, and what it means:
// a text such as "requests 1000/min 10000/hour", read strictly and compiled to
// the rules of package limits.
//
// Quotas and plans are both a [Spec]. Everything in it is text, so that a
// configuration in JSON shows what a Caddyfile says. Whatever could not work is
// refused with what to write instead.
package quotaspec

import (
	"errors"
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// MaxOutputTokens is the largest that Spec.MaxOutput can be.
const MaxOutputTokens = 100_000_000

// maxName is the length of the longest name.
const maxName = 64

// CheckName refuses what cannot be the name of a quota or a plan. Names stand in
// headers and in the identity of counters: they are 1 to 64 letters, digits, and
// the characters "_", "." and "-". A name that begins with "_" is the gateway's own.
func CheckName(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	if name[0] == '_' {
		return fmt.Errorf("the name %q begins with \"_\", as only the gateway's own do", name)
	}
	if len(name) > maxName {
		return fmt.Errorf("the name is longer than %d characters", maxName)
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return fmt.Errorf("the name %q holds other characters than letters, digits, \"_\", \".\" and \"-\"", name)
		}
	}
	return nil
}

// Spec is a set of limits that are decided together, and what they count by.
type Spec struct {
	// Items are the limits. A quota without any enforces the plans of its
	// caller; a plan must have one.
	Items []Item `json:"limits,omitempty"`

	// By says who is counted: "consumer", "credential", "group", "ip" with the
	// lengths of IPv4 and IPv6 prefixes behind it ("ip 24 56", by default 32 and
	// 64), "route", "header X-Tenant", a placeholder such as
	// "{http.request.host}", or "global", which counts everybody together.
	By string `json:"by,omitempty"`

	// Weight is what a request counts for in limits of requests: a whole number
	// from 0 to 1000000, or a placeholder that holds one. Default: 1.
	Weight string `json:"weight,omitempty"`

	// MaxOutput is the most tokens that a model may answer with, for calls that
	// ask for more or do not say. It bounds what is reserved for a call whose
	// tokens or cost are limited. Default: what the model can do.
	MaxOutput int64 `json:"max_output,omitempty"`

	// Shadow tries the limits out: requests are decided and counted, and never
	// denied.
	Shadow bool `json:"shadow,omitempty"`
}

// Compiled is what a Spec means. It never changes.
type Compiled struct {
	// Rules are the limits, in the order in which they were written. A pointer to
	// one may be kept.
	Rules []limits.Rule
	// Texts are the limits as they were written, such as "requests 1000/min", one
	// for each of Rules.
	Texts []string
	// By says who is counted; its zero value, that nothing was said.
	By By
	// Weight of a request, by default the constant 1.
	Weight Weight
	// MaxOutput is the most tokens of an answer, 0 where nothing was said.
	MaxOutput int64
	// Shadow says that nothing is denied.
	Shadow bool

	// Requests, Tokens, Cost and Concurrent say which units there are limits of;
	// Tokens stands for all three of tokens.
	Requests, Tokens, Cost, Concurrent bool
	// Hard says that one of the rules must never be exceeded.
	Hard bool
}

// Compile checks s and returns what it means. Without items it has no rules.
func (s *Spec) Compile() (*Compiled, error) {
	c := &Compiled{MaxOutput: s.MaxOutput, Shadow: s.Shadow}
	for i := range s.Items {
		rules, err := s.Items[i].rules()
		if err != nil {
			return nil, fmt.Errorf("limit %q: %w", s.Items[i], err)
		}
		for j, r := range rules {
			r.Shadow = s.Shadow
			c.Rules = append(c.Rules, r)
			c.Texts = append(c.Texts, words(s.Items[i].Unit)+" "+s.Items[i].Limits[j])
		}
	}
	if err := conflict(c.Rules, c.Texts); err != nil {
		return nil, err
	}
	var err error
	if c.By, err = parseByText(s.By); err != nil {
		return nil, fmt.Errorf("by: %w", err)
	}
	if c.Weight, err = ParseWeight(s.Weight); err != nil {
		return nil, fmt.Errorf("weight: %w", err)
	}
	if s.MaxOutput < 0 || s.MaxOutput > MaxOutputTokens {
		return nil, fmt.Errorf("max_output is %d; write a number of tokens from 1 to %d", s.MaxOutput, MaxOutputTokens)
	}
	for i := range c.Rules {
		c.note(&c.Rules[i])
		if r := &c.Rules[i]; r.Unit == limits.Requests && c.Weight.Constant > r.Capacity() {
			return nil, fmt.Errorf("weight: a request counts for %d, so that %s admits none; write a smaller weight or a larger limit", c.Weight.Constant, c.Texts[i])
		}
	}
	return c, nil
}

func (c *Compiled) note(r *limits.Rule) {
	switch r.Unit {
	case limits.Requests:
		c.Requests = true
	case limits.Tokens, limits.InputTokens, limits.OutputTokens:
		c.Tokens = true
	case limits.Cost:
		c.Cost = true
	case limits.Concurrent:
		c.Concurrent = true
	}
	c.Hard = c.Hard || r.Hard()
}

// conflict refuses limits that would share a counter, and those that can never
// be reached because less is allowed in a longer window.
func conflict(rules []limits.Rule, texts []string) error {
	for i := range rules {
		for j := range i {
			a, b, first, second := &rules[j], &rules[i], texts[j], texts[i]
			if a.Unit != b.Unit {
				continue
			}
			if a.ID() == b.ID() {
				if a.Unit == limits.Concurrent {
					return errors.New("concurrent is limited twice; keep one of the two")
				}
				return fmt.Errorf("%s and %s are about the same window; keep one of them", first, second)
			}
			if a.Window.Seconds() > b.Window.Seconds() {
				a, b, first, second = b, a, second, first
			}
			if a.Window.Seconds() < b.Window.Seconds() && !b.Soft && a.Capacity() > most(b) {
				return fmt.Errorf("%s can never be reached, because %s allows less in a longer time; "+
					"write limits that grow with their windows", first, second)
			}
		}
	}
	return nil
}

// most is what a rule can admit in any span that is shorter than its window.
// (Around the border of two fixed spans it can be twice that; nobody wants it.)
func most(r *limits.Rule) int64 {
	if r.Window.Kind == limits.Bucket {
		return r.Capacity() + r.Limit
	}
	return r.Limit
}
