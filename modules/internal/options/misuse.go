// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// MisuseError is a fault of one option that only a look at the whole directive finds, such as
// when JSON configuration is provisioned. ParseThen knows where the option stands.
type MisuseError struct {
	// Option is its name.
	Option string
	// Err says what is wrong with it, without the name.
	Err error
	// Line is where it stands, if ParseThen cannot know: in a block of which there are
	// several. 0 leaves it to ParseThen.
	Line int
}

// Wrong returns a MisuseError with a message of its own.
func Wrong(option, format string, args ...any) error {
	return &MisuseError{Option: option, Err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (m *MisuseError) Error() string { return m.Option + ": " + m.Err.Error() }

// Unwrap returns the fault.
func (m *MisuseError) Unwrap() error { return m.Err }

// ParseThen is Parse, and then check, which looks at the whole directive. Where its error
// is a MisuseError, the line is the last one on which that option stands, or the first one of
// the directive if the block does not have it; else it is the last one of the directive.
func ParseThen(d *caddyfile.Dispenser, directive string, set Set, check func() error) error {
	first := d.Line()
	lines, err := parse(d, directive, set)
	if err != nil {
		return err
	}
	if err = check(); err == nil {
		return nil
	}
	line := d.Line()
	if m, ok := errors.AsType[*MisuseError](err); ok {
		line = cmp.Or(m.Line, lines[m.Option], first)
	}
	return fmt.Errorf("%s: %w, at %s:%d", directive, err, d.File(), line)
}
