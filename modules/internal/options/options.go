// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package options reads Caddyfile directives strictly: what a directive does
// not know, has already been told, or cannot mean is refused with file, line
// and the right form, instead of being dropped or read in some other way.
//
// A directive is its positional arguments and a block of options. The parser
// of a directive is then one call for the arguments and one list of options:
//
//	d.Next() // the directive's name
//	args, err := options.Args(d, "[<name>]")
//	...
//	return options.Parse(d, "key_auth", options.Set{
//		"realm":            options.String(&h.Realm),
//		"headers":          options.Headers(&h.Headers),
//		"hide_credentials": options.Bool(&h.Hide),
//		"cache":            options.Duration(&h.TTL),
//	})
//
// The form of the arguments, such as "<status> [every <n>]", is at once what
// error messages show and what the number of arguments is checked against.
// Options check syntax only. Whatever needs a second look at the whole
// directive, or at other directives, belongs to the module's Provision and
// Validate, which JSON configuration passes through as well.
package options

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Set is the options which a block may contain, by name. A nil or empty Set
// allows no block at all.
type Set map[string]Option

// Option says how one option is read. The functions of this package make
// them; the zero value is not usable.
type Option struct {
	form   form
	repeat bool
	// Exactly one of these is set.
	read func(args []string) error
	open func(args []string) (Set, error)
	raw  func(d *caddyfile.Dispenser) error
}

// Repeat returns the option with leave to occur more than once in a block.
// Without it, the second occurrence is refused.
func (o Option) Repeat() Option {
	o.repeat = true
	return o
}

// Func returns an option whose arguments fn reads. The form, for example
// "<status> [every <n>]", fixes how many there may be: what stands in square
// brackets may be missing as a whole, and "..." at the end lets the last
// argument repeat. An error of fn is reported with the names of directive and
// option and with file and line, so it need only say what is wrong.
func Func(argForm string, fn func(args []string) error) Option {
	return Option{form: parseForm(argForm), read: fn}
}

// Block returns an option that opens a block of its own, as in
// "consumer <name> { ... }". The form is as for Func. Open is called with the
// arguments before the block is read and returns the options of the block,
// usually pointing into a value it has just appended. The block itself may be
// missing.
func Block(argForm string, open func(args []string) (Set, error)) Option {
	return Option{form: parseForm(argForm), open: open}
}

// Raw returns an option that fn reads from the dispenser itself, for guest
// modules and matcher sets. When fn is called, d stands on the option's name;
// when it returns, it must have consumed the option's arguments and block. Its
// errors must come from d, so that they carry file and line.
func Raw(fn func(d *caddyfile.Dispenser) error) Option {
	return Option{raw: fn}
}

// Args reads the arguments that follow the token on which d stands, the name
// of a directive, and refuses a number of them that the form does not allow.
// See Func for forms; the empty form allows no argument. The block, if there
// is one, is left for Parse.
func Args(d *caddyfile.Dispenser, argForm string) ([]string, error) {
	name := d.Val()
	args := d.RemainingArgs()
	if err := parseForm(argForm).check(name, len(args)); err != nil {
		return nil, d.WrapErr(err)
	}
	return args, nil
}

// Parse reads the block of a directive, if there is one, whose arguments have
// been consumed. Directive is the name with which errors begin.
//
// Refused are: arguments left over, a block where the set is empty, an option
// that is not in the set, an option given twice unless it is a Repeat, a
// number of arguments that does not fit the option, a block behind an option
// that has none, and what the option itself refuses.
func Parse(d *caddyfile.Dispenser, directive string, set Set) error {
	_, err := parse(d, directive, set)
	return err
}

// parse is Parse. It returns on which line each option stands, the last one of those that
// repeat.
func parse(d *caddyfile.Dispenser, directive string, set Set) (lines map[string]int, err error) {
	if n := d.CountRemainingArgs(); n > 0 {
		return nil, d.Errf("%s: %s too many on this line", directive, plural(n, "argument"))
	}
	if !blockFollows(d) {
		return nil, nil
	}
	if len(set) == 0 {
		return nil, d.Errf("%s takes no block; remove the braces and what is between them", directive)
	}
	lines = make(map[string]int, len(set))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		o, ok := set[name]
		if !ok {
			return nil, d.Errf("%s: unknown option %q; valid options are: %s", directive, name, set.names())
		}
		if line, again := lines[name]; again && !o.repeat {
			return nil, d.Errf("%s: option %s is given twice, first on line %d; keep one of them", directive, name, line)
		}
		lines[name] = d.Line()
		if err := o.parse(d, directive, name); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// parse reads one option, on whose name d stands.
func (o Option) parse(d *caddyfile.Dispenser, directive, name string) error {
	if o.raw != nil {
		if err := o.raw(d); err != nil {
			return fmt.Errorf("%s: %s: %w", directive, name, err)
		}
		return nil
	}
	args := d.RemainingArgs()
	if err := o.form.check(name, len(args)); err != nil {
		return d.Errf("%s: %w", directive, err)
	}
	if o.open != nil {
		set, err := o.open(args)
		if err != nil {
			return d.Errf("%s: %s: %w", directive, name, err)
		}
		path := directive + ": " + name
		if len(args) > 0 {
			path += " " + args[0]
		}
		return Parse(d, path, set)
	}
	if err := o.read(args); err != nil {
		return d.Errf("%s: %s: %w", directive, name, err)
	}
	if blockFollows(d) {
		return d.Errf("%s: %s takes no block; write: %s", directive, name, o.form.usage(name))
	}
	return nil
}

// blockFollows reports whether an opening brace is next on this line. All
// arguments must have been consumed.
func blockFollows(d *caddyfile.Dispenser) bool {
	if d.NextLine() {
		d.Prev()
		return false
	}
	// On the same line and yet not an argument: it can be nothing but a brace.
	if d.Next() {
		d.Prev()
		return true
	}
	return false
}

// names lists the set's options in alphabetical order.
func (s Set) names() string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
