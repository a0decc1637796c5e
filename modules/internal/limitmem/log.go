// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Log keeps records of what changes counters that have to survive: those of windows
// of five minutes or longer, and of money. It is called with the counters locked.
type Log interface {
	// Append keeps a record. It must not keep the slice. If it returns an error,
	// what the record says is not done, and Decide returns the error; that is only
	// allowed where must is not set. hard says that a limit is at stake that must
	// not be exceeded (limits.Rule.Hard).
	Append(record []byte, hard, must bool) error
}

// A record is a version and some changes. Each begins with what it does, the hash
// of the key, and the tag of the rule.
const (
	recordVersion = 1

	changeAdd   = 1 // units, which may be negative, to a part or span
	changeState = 2 // what the counter holds from now on
)

// Errors about bytes that Options.Log or a database of counters has kept.
var (
	// ErrDamaged tells that they are not what was written.
	ErrDamaged = errors.New("counters are damaged")
	// ErrNewer tells that a newer version has written them.
	ErrNewer = errors.New("written by a newer version of the gateway, which this one cannot read")
)

// logDecision tells the log what an admitted decision counts.
func (s *Store) logDecision(w *work, d *limits.Decision) error {
	hard := false
	for i := range d.Checks {
		c, x := &d.Checks[i], &w.at[i]
		if c.Weight <= 0 || !counts(c) || x.spill || !x.tag.persists() {
			continue
		}
		hard = hard || c.Rule.Hard()
		if c.Rule.Window.Kind == limits.Bucket {
			then := *x
			then.small = new(*x.small)
			then.small.owe(c.Rule, c.Weight)
			w.record = then.appendState(w.record)
			continue
		}
		w.record = x.appendAdd(w.record, x.slot(), c.Weight)
	}
	if len(w.record) == 0 {
		return nil
	}
	if err := s.log.Append(w.record, hard, false); err != nil {
		return err
	}
	for i := range d.Checks {
		if x := &w.at[i]; d.Checks[i].Weight > 0 && counts(&d.Checks[i]) && !x.spill && x.tag.persists() {
			x.changed()
		}
	}
	return nil
}

// logSettled tells the log what cannot be refused.
func (s *Store) logSettled(w *work) {
	if len(w.record) > 0 {
		_ = s.log.Append(w.record, false, true)
	}
}

func (x *at) appendChange(b []byte, change byte) []byte {
	if len(b) == 0 {
		b = append(b, recordVersion)
	}
	b = append(b, change)
	return appendID(b, x.id, x.tag)
}

const idSize = 24 // of a key's hash and a tag

func appendID(b []byte, k id, t tag) []byte {
	b = binary.LittleEndian.AppendUint64(b, k.a)
	b = binary.LittleEndian.AppendUint64(b, k.b)
	return binary.LittleEndian.AppendUint64(b, uint64(t))
}

func readID(b []byte) (id, tag) {
	return id{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}, tag(binary.LittleEndian.Uint64(b[16:]))
}

// valid says that a tag can be one that persists.
func (t tag) valid() bool {
	w := t.window()
	return t&tagSet != 0 && w.Kind <= limits.Bucket && t.unit() <= limits.Cost && t.persists() &&
		(w.Kind == limits.Calendar && w.Period <= limits.Year || w.Kind != limits.Calendar && w.Length > 0)
}

func (x *at) appendAdd(b []byte, slot, units int64) []byte {
	if x.small != nil && x.tag.kind() == limits.Bucket {
		return x.appendState(b) // of what has been done
	}
	b = x.appendChange(b, changeAdd)
	b = binary.AppendVarint(b, slot)
	if x.small != nil {
		b = binary.AppendVarint(b, x.small.end-slot)
	}
	return binary.AppendVarint(b, units)
}

func (x *at) appendState(b []byte) []byte {
	return x.appendBody(x.appendChange(b, changeState))
}

// appendBody appends what a slot holds.
func (x *at) appendBody(b []byte) []byte {
	switch {
	case x.narrow != nil:
		return appendParts(b, x.narrow)
	case x.wide != nil:
		return appendParts(b, x.wide)
	}
	b = binary.AppendVarint(b, x.small.value)
	b = binary.AppendVarint(b, x.small.start)
	b = binary.AppendVarint(b, x.small.end-x.small.start)
	return binary.AppendVarint(b, x.small.seen-x.small.start)
}

// appendParts appends the newest part's number and, for each part that is not
// empty, how far it is before the one appended last, and what it holds.
func appendParts[C uint32 | uint64](b []byte, r *ring[C]) []byte {
	b = binary.AppendVarint(b, r.newest)
	if r.sum > 0 {
		last := uint8(0)
		for age := range r.age + 1 {
			if n := r.parts[r.place(age)]; n != 0 {
				b = append(b, age-last)
				b = binary.AppendUvarint(b, uint64(n))
				last = age
			}
		}
	}
	return append(b, 0xff)
}

// reader reads what was written with the functions above.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0xff
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) count() int64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > limits.MaxCount {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return int64(n)
}

// Replay does again what a record says, for the partitions that want has. Those are
// the ones whose counters do not contain it already.
func (s *Store) Replay(record []byte, want func(partition int) bool) error {
	r := reader{b: record}
	if v := r.byte(); !r.bad && v != recordVersion {
		return fmt.Errorf("record of version %d: %w", v, ErrNewer)
	}
	for len(r.b) > 0 && !r.bad {
		change := r.byte()
		if len(r.b) < idSize {
			return fmt.Errorf("record ends too early: %w", ErrDamaged)
		}
		x := at{}
		x.id, x.tag = readID(r.b)
		r.b = r.b[idSize:]
		if !x.tag.valid() || change != changeAdd && change != changeState {
			return fmt.Errorf("record of nothing that is known: %w", ErrDamaged)
		}
		s.replay(&r, &x, change, want(int(x.id.partition()))) //nolint:gosec // Less than Partitions.
	}
	if r.bad {
		return fmt.Errorf("record cannot be read: %w", ErrDamaged)
	}
	return nil
}

func (s *Store) replay(r *reader, x *at, change byte, wanted bool) {
	// What is not wanted, and that for which there is no room, is read as well.
	x.shard = s.shards[x.id.b&s.mask]
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	there := false
	if wanted {
		if there = x.take(); !there {
			if n := x.shard.insert(x.id, x.tag, s.now()); n != 0 {
				x.hold(n)
				there = true
			}
		}
	}
	if !there {
		x.nowhere()
	}
	if change == changeState {
		x.readBody(r)
	} else {
		x.readAdd(r)
	}
	if there {
		x.changed()
	}
}

// nowhere makes x a slot that is not kept.
func (x *at) nowhere() {
	switch x.tag.class() {
	case classSmall:
		x.small = new(small)
		x.head = &x.small.head
	case classNarrow:
		x.narrow = new(narrow)
		x.head = &x.narrow.head
	default:
		x.wide = new(wide)
		x.head = &x.wide.head
	}
	x.head.tag = x.tag
}

func (x *at) readAdd(r *reader) {
	slot := r.varint()
	if x.small == nil {
		units := r.varint()
		if r.bad {
			return
		}
		if x.narrow != nil {
			replayPart(x.narrow, slot, units)
		} else {
			replayPart(x.wide, slot, units)
		}
		return
	}
	length, units := r.varint(), r.varint()
	if r.bad || length <= 0 {
		r.bad = true
		return
	}
	if c := x.small; c.start != slot || c.end == 0 {
		c.value, c.start, c.end = 0, slot, slot+length
	}
	x.small.add(units)
	x.small.seen = max(x.small.seen, slot)
}

// replayPart counts in a part, which becomes the newest one unless it is in the
// window. If it is so long ago that it cannot be, the clock was set back and the
// counter began afresh.
func replayPart[C uint32 | uint64](c *ring[C], part, units int64) {
	if part > c.newest || part <= c.newest-cells {
		c.advance(part)
	}
	c.add(part, units)
}

func (x *at) readBody(r *reader) {
	switch {
	case x.narrow != nil:
		readParts(r, x.narrow)
		return
	case x.wide != nil:
		readParts(r, x.wide)
		return
	}
	value, start := r.varint(), r.varint()
	length, seen := r.varint(), r.varint()
	if value < 0 || value > limits.MaxCount {
		r.bad = true
	}
	if !r.bad {
		x.small.value, x.small.start, x.small.end, x.small.seen = value, start, start+length, start+seen
	}
}

func readParts[C uint32 | uint64](r *reader, c *ring[C]) {
	c.clear(r.varint())
	age := int64(0)
	for {
		step := r.byte()
		if step == 0xff {
			return
		}
		age += int64(step)
		n := r.count()
		if r.bad || age >= cells || uint64(n) > uint64(^C(0)) { //nolint:gosec // Never negative.
			r.bad = true
			return
		}
		c.add(c.newest-age, n)
	}
}
