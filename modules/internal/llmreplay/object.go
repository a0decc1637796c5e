// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// object is an object that is being put together from pieces. Its members keep the
// order in which they first came.
type object struct {
	members []member
}

type member struct {
	name  string
	form  form
	buf   []byte    // a value as it is, the content of a string, or elements
	items []*object // the object, or the elements of an array that are objects
}

// form is what a member is put together of.
type form uint8

const (
	asIs    form = iota // a value
	text                // the content of a string, escapes and all
	list                // elements with commas
	nested              // an object
	objects             // objects in an array
)

// maxMembers bounds the members of an object that is put together, because they are
// searched one after the other.
const maxMembers = 128

// find returns the member of a name, or nil. It is valid until one is added.
func (o *object) find(name []byte) *member {
	for i := range o.members {
		if o.members[i].name == string(name) {
			return &o.members[i]
		}
	}
	return nil
}

// member returns the member of a name, a new one being null.
func (o *object) member(name []byte) (*member, error) {
	if m := o.find(name); m != nil {
		return m, nil
	}
	if len(o.members) >= maxMembers {
		return nil, unsupported("an object has too many members")
	}
	o.members = append(o.members, member{name: string(name)})
	return &o.members[len(o.members)-1], nil
}

// set replaces the value of a member.
func (o *object) set(name, raw []byte) error {
	m, err := o.member(name)
	if err == nil {
		m.form, m.buf, m.items = asIs, raw, nil
	}
	return err
}

// keep is set, unless the value is null and there is one.
func (o *object) keep(name, raw []byte) error {
	if jsonpeek.IsNull(raw) {
		_, err := o.member(name)
		return err
	}
	return o.set(name, raw)
}

// once is keep for what may not come with two values. An empty string is none.
func (o *object) once(name, raw []byte) error {
	m := o.find(name)
	switch {
	case m == nil || m.null() || jsonpeek.IsNull(raw) || string(m.buf) == `""`:
		return o.keep(name, raw)
	case string(raw) == `""` || bytes.Equal(m.buf, raw):
		return nil
	}
	return unsupported("a member of a delta comes with several values")
}

// text adds to a text.
func (o *object) text(name, raw []byte) error {
	m, err := o.member(name)
	switch {
	case err != nil:
		return err
	case jsonpeek.IsNull(raw):
	case raw[0] != '"':
		return unsupported("a text is not a string")
	case m.null():
		m.form, m.buf = text, content(raw)
	case m.form != text:
		return unsupported("a text is not a string")
	default:
		m.buf = append(m.buf, content(raw)...)
	}
	return nil
}

// list adds the elements of an array.
func (o *object) list(name, raw []byte) error {
	if jsonpeek.IsNull(raw) {
		_, err := o.member(name)
		return err
	}
	if raw[0] != '[' {
		return unsupported("a list is not an array")
	}
	return o.elements(name, raw[1:len(raw)-1:len(raw)-1])
}

// elements adds elements, with commas between them.
func (o *object) elements(name, raw []byte) error {
	m, err := o.member(name)
	if err != nil {
		return err
	}
	if m.null() {
		m.form, m.buf = list, nil
	}
	if m.form != list {
		return unsupported("a list is not an array")
	}
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0:
	case len(m.buf) == 0:
		m.buf = slices.Clip(raw)
	default:
		m.buf = append(append(m.buf, ','), raw...)
	}
	return nil
}

// object returns the object that a member is.
func (o *object) object(name []byte) (*object, error) {
	m, err := o.member(name)
	if err != nil {
		return nil, err
	}
	if m.null() {
		m.form, m.buf, m.items = nested, nil, []*object{{}}
	}
	if m.form != nested {
		return nil, unsupported("an object is of another type")
	}
	return m.items[0], nil
}

// array makes a member an array of objects.
func (o *object) array(name []byte, items []*object) error {
	m, err := o.member(name)
	if err == nil {
		m.form, m.buf, m.items = objects, nil, items
	}
	return err
}

func (m *member) null() bool { return m.form == asIs && jsonpeek.IsNull(m.buf) }

// append writes the object down.
func (o *object) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		m := &o.members[i]
		dst = append(appendString(dst, m.name), ':')
		switch m.form {
		case asIs:
			if len(m.buf) == 0 {
				dst = append(dst, null...)
			} else {
				dst = append(dst, m.buf...)
			}
		case text:
			dst = append(append(append(dst, '"'), m.buf...), '"')
		case list:
			dst = append(append(append(dst, '['), m.buf...), ']')
		case nested:
			dst = m.items[0].append(dst)
		case objects:
			dst = append(dst, '[')
			for i, item := range m.items {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = item.append(dst)
			}
			dst = append(dst, ']')
		}
	}
	return append(dst, '}')
}

// size returns about how long the object is.
func (o *object) size() int {
	n := 2
	for i := range o.members {
		m := &o.members[i]
		n += len(m.name) + len(m.buf) + 8
		for _, item := range m.items {
			n += item.size() + 1
		}
	}
	return n
}

// content returns what is between the quotes of a string. It cannot be appended to in
// place.
func content(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	return raw[1 : len(raw)-1 : len(raw)-1]
}

var null = []byte("null")
