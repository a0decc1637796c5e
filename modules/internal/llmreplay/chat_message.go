// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// message is the message of a choice that is being put together.
type message struct {
	object object
	calls  []*keyed
	notes  []*keyed // details of the reasoning
}

// keyed is an object in a list, whose pieces say by an index that they belong to it.
type keyed struct {
	index  int64
	object object
}

// delta adds a member of a delta.
func (m *message) delta(name, value []byte) error {
	switch string(name) {
	case "content", "refusal", "reasoning_content", "reasoning":
		return m.object.text(name, value)
	case "role":
		if string(value) == `""` {
			return nil
		}
		return m.object.keep(name, value)
	case "tool_calls":
		return m.list(name, value, m.call)
	case "reasoning_details":
		return m.list(name, value, m.note)
	case "annotations", "images":
		return m.object.list(name, value)
	case "function_call":
		if jsonpeek.IsNull(value) {
			return m.object.keep(name, value)
		}
		call, err := m.object.object(name)
		if err != nil {
			return err
		}
		return each(value, call.function)
	case "audio":
		if !jsonpeek.IsNull(value) {
			return unsupported("audio")
		}
	}
	return m.object.once(name, value)
}

// list adds pieces of the elements of a list, and remembers where the list belongs.
func (m *message) list(name, value []byte, add func(raw []byte) error) error {
	at, err := m.object.member(name)
	if err != nil || jsonpeek.IsNull(value) {
		return err
	}
	if at.null() {
		at.form = objects
	}
	return eachOf(value, add)
}

// call adds a piece of a tool call: its identity first, its arguments bit by bit.
func (m *message) call(raw []byte) error {
	index, given, id, err := identity(raw)
	if err != nil {
		return err
	}
	if !given {
		// Some servers send calls whole and without an index.
		if id == nil || slices.ContainsFunc(m.calls, func(k *keyed) bool { return bytes.Equal(k.id(), id) }) {
			return unsupported("a piece of a tool call without an index")
		}
		index = 0
		if n := len(m.calls); n > 0 {
			index = m.calls[n-1].index + 1
		}
	}
	call, err := find(&m.calls, index)
	if err != nil {
		return err
	}
	return each(raw, func(name, value []byte) error {
		switch string(name) {
		case "index":
			return nil
		case "function", "custom":
			if jsonpeek.IsNull(value) {
				return call.object.keep(name, value)
			}
			o, err := call.object.object(name)
			if err != nil {
				return err
			}
			return each(value, o.function)
		}
		return call.object.once(name, value)
	})
}

// function adds a member of what is called.
func (o *object) function(name, value []byte) error {
	switch string(name) {
	case "arguments", "input":
		return o.text(name, value)
	case "name":
		m := o.find(name)
		if m != nil && m.form == text && len(m.buf) > 0 && bytes.Equal(m.buf, content(value)) {
			return unsupported("the name of a tool is repeated") // or doubled
		}
		return o.text(name, value)
	}
	return o.once(name, value)
}

// note adds a piece of a detail of the reasoning, as OpenRouter gives them.
func (m *message) note(raw []byte) error {
	index, given, _, err := identity(raw)
	if err != nil {
		return err
	}
	if !given {
		return unsupported("a piece of reasoning without an index")
	}
	note, err := find(&m.notes, index)
	if err != nil {
		return err
	}
	return each(raw, func(name, value []byte) error {
		switch string(name) {
		case "text", "summary", "data":
			return note.object.text(name, value)
		}
		return note.object.once(name, value)
	})
}

// identity reads the index and the id of a piece.
func identity(raw []byte) (index int64, given bool, id []byte, err error) {
	err = each(raw, func(name, value []byte) error {
		switch string(name) {
		case "index":
			if index, given = jsonpeek.Int(value); !given && !jsonpeek.IsNull(value) {
				return malformed("an index is no number")
			}
		case "id":
			if !jsonpeek.IsNull(value) && string(value) != `""` {
				id = value
			}
		}
		return nil
	})
	return index, given, id, err
}

func (k *keyed) id() []byte {
	if m := k.object.find([]byte("id")); m != nil {
		return m.buf
	}
	return nil
}

// find returns the object of an index, a new one being empty. The latest is the one
// that is mostly meant.
func find(list *[]*keyed, index int64) (*keyed, error) {
	for _, k := range slices.Backward(*list) {
		if k.index == index {
			return k, nil
		}
	}
	if len(*list) >= maxCalls {
		return nil, unsupported("too many pieces with an index")
	}
	k := &keyed{index: index}
	*list = append(*list, k)
	return k, nil
}

const maxCalls = 1024

// complete gives the message what it must have and puts its lists in order.
func (m *message) complete() error {
	role, err := m.object.member([]byte("role"))
	if err != nil {
		return err
	}
	if role.null() {
		role.buf = []byte(`"assistant"`)
	}
	if _, err := m.object.member([]byte("content")); err != nil {
		return err
	}
	m.order("tool_calls", m.calls)
	m.order("reasoning_details", m.notes)
	return nil
}

// order puts the elements of a list into the member that stands for it.
func (m *message) order(name string, list []*keyed) {
	at := m.object.find([]byte(name))
	if at == nil || at.form != objects {
		return
	}
	slices.SortStableFunc(list, func(a, b *keyed) int { return cmp.Compare(a.index, b.index) })
	for _, k := range list {
		at.items = append(at.items, &k.object)
	}
}
