// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// cursor walks over a JSON document that checkJSON accepted, which is why it
// never looks for the end of data. Compared with encoding/json it is strict
// (repeated, unknown and case-varied members are errors) and fast enough for
// files of many megabytes. On an error pos is where the reading stopped.
type cursor struct {
	data []byte
	pos  int
}

// peek returns the first byte of the next token.
func (c *cursor) peek() byte {
	for {
		switch b := c.data[c.pos]; b {
		case ' ', '\t', '\r', '\n':
			c.pos++
		default:
			return b
		}
	}
}

// skip steps over the next token if it is the punctuation b.
func (c *cursor) skip(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.pos++
	return true
}

// null steps over the next value if it is null.
func (c *cursor) null() bool {
	if c.peek() != 'n' {
		return false
	}
	c.pos += len("null")
	return true
}

// unexpected says what stands where want was to come, without quoting it.
func (c *cursor) unexpected(want string) error {
	got := "a number"
	switch c.peek() {
	case '{':
		got = "an object"
	case '[':
		got = "an array"
	case '"':
		got = "a string"
	case 'n':
		got = "null"
	case 't', 'f':
		got = "a boolean"
	}
	return fmt.Errorf("%s where %s is expected", got, want)
}

// object reads an object and calls value with the index in fields of each
// member, whose value it must read.
func (c *cursor) object(fields []string, value func(field int) error) error {
	if !c.skip('{') {
		return c.unexpected("an object")
	}
	var seen uint64
	for first := true; !c.skip('}'); first = false {
		if !first {
			c.skip(',')
		}
		c.peek()
		name, err := c.raw()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(fields, func(f string) bool { return f == string(name) })
		if i < 0 {
			return fmt.Errorf("unknown member %s; the members are %s", quote(string(name)), strings.Join(fields, ", "))
		}
		if seen&(1<<i) != 0 {
			return fmt.Errorf("member %q appears twice", fields[i])
		}
		seen |= 1 << i
		c.skip(':')
		if err := value(i); err != nil {
			if len(fields) == 1 {
				return err
			}
			return fmt.Errorf("%s: %w", fields[i], err)
		}
	}
	return nil
}

// array reads an array and calls element for each of its elements, which
// element must read.
func (c *cursor) array(element func(i int) error) error {
	if !c.skip('[') {
		return c.unexpected("an array")
	}
	for i := 0; !c.skip(']'); i++ {
		if i > 0 {
			c.skip(',')
		}
		if err := element(i); err != nil {
			return err
		}
	}
	return nil
}

// text reads a string; null is the empty one.
func (c *cursor) text() (string, error) {
	if c.null() {
		return "", nil
	}
	if c.peek() != '"' {
		return "", c.unexpected("a string")
	}
	raw, err := c.raw()
	return string(raw), err
}

// flag reads a boolean; null is false.
func (c *cursor) flag() (bool, error) {
	switch c.peek() {
	case 't':
		c.pos += len("true")
		return true, nil
	case 'f':
		c.pos += len("false")
		return false, nil
	case 'n':
		c.pos += len("null")
		return false, nil
	}
	return false, c.unexpected("a boolean")
}

// texts reads an array of strings. The result is nil for null only.
func (c *cursor) texts() ([]string, error) {
	if c.null() {
		return nil, nil
	}
	list := []string{}
	err := c.array(func(int) error {
		if c.peek() != '"' {
			return c.unexpected("a string")
		}
		raw, err := c.raw()
		list = append(list, string(raw))
		return err
	})
	return list, err
}

// raw reads the string at pos and returns its contents, which may lie in data.
func (c *cursor) raw() ([]byte, error) {
	start := c.pos
	end := start + 1 + bytes.IndexByte(c.data[start+1:], '"')
	if bytes.IndexByte(c.data[start:end], '\\') < 0 {
		c.pos = end + 1
		return c.data[start+1 : end], nil
	}
	for end = start + 1; c.data[end] != '"'; end++ {
		if c.data[end] == '\\' {
			end++
		}
	}
	c.pos = end + 1
	var text string
	if err := json.Unmarshal(c.data[start:c.pos], &text); err != nil {
		return nil, fmt.Errorf("read string: %w", err)
	}
	return []byte(text), nil
}
