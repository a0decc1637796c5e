// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"cmp"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
)

// Options are what a plan is compiled for.
type Options struct {
	// Reserved says why a header field, by its canonical name, may not be edited;
	// empty if it may.
	Reserved func(name string) string
	// NoQuery says that there is no query to edit.
	NoQuery bool
}

// Plan is compiled edits. It is immutable and safe for concurrent use.
type Plan struct {
	headers []headerRule
	query   []pairRule
	body    []bodyRule
	static  *Bound // if nothing is to be replaced
	options Options
}

type headerRule struct {
	verb            Verb
	name, to, value string
	dynamic         bool
}

type pairRule struct {
	verb            Verb
	name, to, value string
}

type bodyRule struct {
	verb  Verb
	path  []step
	to    step
	value value
}

// Compile makes a plan. It returns an error for the first edit that is not as [Edit] has
// it, for one that says the same as another, and for header fields that are reserved.
func Compile(edits []Edit, o Options) (*Plan, error) {
	if len(edits) > MaxEdits {
		return nil, fmt.Errorf("there are %d edits; the most is %d", len(edits), MaxEdits)
	}
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int {
		return cmp.Compare(slices.Index(Verbs, a.Do), slices.Index(Verbs, b.Do))
	})
	p := &Plan{options: o}
	type target struct {
		do   Verb
		in   Place
		name string
	}
	seen := make(map[target]bool, len(sorted))
	for i := range sorted {
		e := &sorted[i]
		if err := p.add(e); err != nil {
			return nil, fmt.Errorf("%s %s %s: %w", e.Do, e.In, e.Name, err)
		}
		at := target{e.Do, e.In, e.Name}
		if e.In == Header {
			at.name = textproto.CanonicalMIMEHeaderKey(e.Name)
		}
		if e.Do != Append && seen[at] {
			return nil, fmt.Errorf("%s %s %s is there twice; keep one of them", e.Do, e.In, e.Name)
		}
		seen[at] = true
	}
	if b := p.bind(nil); b != nil {
		p.static = b
	}
	return p, nil
}

// add compiles an edit.
func (p *Plan) add(e *Edit) error {
	switch {
	case !slices.Contains(Verbs, e.Do):
		return fmt.Errorf("%q is none of: remove, rename, replace, set, add, append", e.Do)
	case e.Name == "":
		return errors.New("the name is empty")
	case e.Do != Rename && e.To != "":
		return errors.New("only rename has a new name")
	case e.Do == Rename && e.To == "":
		return errors.New("the new name is missing")
	case !e.Do.HasValue() && (e.Value != "" || e.Type != Auto):
		return fmt.Errorf("%s has no value", e.Do)
	case e.In != Body && e.Type != Auto:
		return errors.New("only values in a body have a type")
	case e.In != Body && e.Do.HasValue() && e.Value == "":
		return errors.New("the value is empty")
	}
	switch e.In {
	case Header:
		return p.addHeader(e)
	case Query:
		if p.options.NoQuery {
			return errors.New("an answer has no query")
		}
		p.query = append(p.query, pairRule{e.Do, e.Name, e.To, e.Value})
		return nil
	case Body:
		return p.addBody(e)
	}
	return fmt.Errorf("%q is none of: header, query, body", e.In)
}

func (p *Plan) addHeader(e *Edit) error {
	r := headerRule{verb: e.Do, value: e.Value}
	for i, name := range []string{e.Name, e.To} {
		if strings.Contains(name, "{") {
			r.dynamic = true
		} else if name != "" {
			if !validName(name) {
				return fmt.Errorf("%q is not a header name; write one such as X-Api-Key, without spaces or colon", name)
			}
			name = textproto.CanonicalMIMEHeaderKey(name)
			if why := p.options.Reserved(name); why != "" {
				return fmt.Errorf("%s is not edited: %s", name, why)
			}
		}
		if i == 0 {
			r.name = name
		} else {
			r.to = name
		}
	}
	if !strings.Contains(e.Value, "{") && !validValue(e.Value) {
		return errors.New("the value holds a character that no header field may have, such as a line break")
	}
	if len(e.Value) > MaxText {
		return fmt.Errorf("the value is longer than %d bytes", MaxText)
	}
	p.headers = append(p.headers, r)
	return nil
}

func (p *Plan) addBody(e *Edit) error {
	path, err := parsePath(e.Name)
	if err != nil {
		return err
	}
	r := bodyRule{verb: e.Do, path: path}
	last := path[len(path)-1]
	switch {
	case e.Do == Add && last.each:
		return errors.New("every element is there already; write append with the path of the array")
	case e.Do == Rename && last.each:
		return errors.New("elements have no names")
	case e.Do == Rename:
		if r.to, err = plainName(e.To); err != nil {
			return err
		}
	case e.Do.HasValue():
		if r.value, err = parseValue(e.Value, e.Type); err != nil {
			return err
		}
	}
	p.body = append(p.body, r)
	return nil
}

// EditsBody reports whether a body is edited, EditsHeaders whether header fields are.
func (p *Plan) EditsBody() bool { return len(p.body) > 0 }

// EditsHeaders reports whether header fields are edited.
func (p *Plan) EditsHeaders() bool { return len(p.headers) > 0 }

// IsStatic reports whether the plan holds no placeholders.
func (p *Plan) IsStatic() bool { return p.static != nil }

// BodyIsStatic reports whether the edits of bodies hold none.
func (p *Plan) BodyIsStatic() bool {
	for i := range p.body {
		r := &p.body[i]
		if r.value.dynamic || r.to.dynamic || slices.ContainsFunc(r.path, func(s step) bool { return s.dynamic }) {
			return false
		}
	}
	return true
}
