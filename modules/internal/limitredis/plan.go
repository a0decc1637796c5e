// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"encoding/hex"
	"errors"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// purpose is what checks are sent to a script for.
type purpose uint8

const (
	toDecide purpose = iota
	toLook
	toTell  // toLook, with the weight, and without what is reserved
	toForce // counts whatever the limit
	toSettle
	toRelease // toSettle of what has no reservations
	toReset
)

// maxChecks bounds the checks of a decision.
const maxChecks = 255

var errTooMany = errors.New("a decision has more than 255 checks")

// plan is how checks become calls of a script: one for all of them, or in a Cluster
// one for those of each key.
type plan struct {
	order []int // the checks as the scripts see them, by key
	first []int // where in order each key begins, and at last its length
	know  []knowledge
	knows []bool

	cmds []*command
	from []int // where in order each command begins, and at last its length
	pool []command
	buf  []byte
	ends []int // of the texts in buf
}

var plans = sync.Pool{New: func() any { return new(plan) }}

// group sorts checks by their keys, without changing the order otherwise.
func (p *plan) group(checks []limits.Check) error {
	if len(checks) > maxChecks {
		return errTooMany
	}
	p.order, p.first = p.order[:0], p.first[:0]
	for i := range checks {
		if p.grouped(checks, i) {
			continue
		}
		p.first = append(p.first, len(p.order))
		for j := i; j < len(checks); j++ {
			if checks[j].Key == checks[i].Key {
				p.order = append(p.order, j)
			}
		}
	}
	p.first = append(p.first, len(p.order))
	return nil
}

// grouped says whether the key of a check was met before.
func (p *plan) grouped(checks []limits.Check, i int) bool {
	for _, f := range p.first {
		if checks[p.order[f]].Key == checks[i].Key {
			return true
		}
	}
	return false
}

// build makes the commands. The argv are what the script gets after what it is to
// know of the checks.
func (s *Store) build(p *plan, sc *script, to purpose, flags byte, checks []limits.Check, argv ...string) error {
	if err := p.group(checks); err != nil {
		return err
	}
	id := ""
	switch to {
	case toRelease:
		id = argv[0]
	case toTell:
		flags |= askTell
	case toDecide, toLook, toForce, toSettle, toReset: // need neither
	}
	p.know, p.knows = p.know[:0], p.knows[:0]
	for i := range checks {
		c := &checks[i]
		var k knowledge
		hard := c.Rule.Hard() && (to == toDecide || to == toReset || to == toForce)
		if hard {
			k = s.known.get(c.Key, s.rules.get(c.Rule).id)
		}
		p.know, p.knows = append(p.know, k), append(p.knows, hard)
	}
	keys := len(p.first) - 1
	each := keys // keys of a command
	if s.cluster {
		each = 1
	}
	p.buf, p.ends, p.from = p.buf[:0], p.ends[:0], p.from[:0]
	n := 0
	for k := 0; k < keys; k += each {
		s.write(p, to, flags, checks, k, k+each, id)
		p.from = append(p.from, p.first[k])
		n++
	}
	p.from = append(p.from, p.first[keys])
	p.bind(sc, n, flags, each, to != toDecide && to != toForce || flags&askReserve != 0, s.mark(flags), argv)
	return nil
}

// mark is the key that a decision about hard limits looks at besides.
func (s *Store) mark(flags byte) string {
	if flags&askHard != 0 {
		return s.prefix + suffixMark
	}
	return ""
}

// write writes what a command says of the keys from one to before another one.
func (s *Store) write(p *plan, to purpose, flags byte, checks []limits.Check, from, before int, id string) {
	now := s.nowMicro()
	second := byte(1)
	if to == toRelease || (to == toDecide || to == toForce) && flags&askReserve == 0 {
		second = 0
	}
	p.buf = appendHeader(p.buf, flags, s.clockMicro(), before-from)
	for k := from; k < before; k++ {
		members := p.order[p.first[k]:p.first[k+1]]
		p.buf = append(p.buf, byte(len(members)), second) //nolint:gosec // At most maxChecks.
		for _, i := range members {
			c := &checks[i]
			r := s.rules.get(c.Rule)
			f, weight := r.flags, c.Weight
			if to == toForce {
				f |= flagSoft
			}
			if to == toLook || to == toReset {
				weight = 0
			}
			var know *knowledge
			if p.knows[i] {
				know = &p.know[i]
			}
			p.buf = appendCheck(p.buf, r, f, weight, now, know)
			if to == toSettle || to == toRelease {
				p.buf = append7(append7(p.buf, c.Slot), c.Actual)
			}
		}
	}
	p.ends = append(p.ends, len(p.buf))
	for k := from; k < before; k++ {
		key := &checks[p.order[p.first[k]]].Key
		p.buf = appendTag(p.buf, s.prefix, key)
		p.buf = append(p.buf, suffixCounters...)
		p.ends = append(p.ends, len(p.buf))
		if second == 1 || to == toRelease {
			p.buf = appendTag(p.buf, s.prefix, key)
			if to == toRelease {
				p.buf = append(p.buf, suffixSettled...)
				p.buf = hex.AppendEncode(p.buf, []byte(id))
			} else {
				p.buf = append(p.buf, suffixReserved...)
			}
			p.ends = append(p.ends, len(p.buf))
		}
	}
}

// bind makes commands of what was written. All texts share one allocation.
func (p *plan) bind(sc *script, n int, flags byte, groups int, second bool, mark string, argv []string) {
	text := string(p.buf)
	for len(p.pool) < n {
		p.pool = append(p.pool, command{})
	}
	p.cmds = p.cmds[:0]
	keys := groups
	if second {
		keys *= 2
	}
	start, e := 0, 0
	next := func() string {
		t := text[start:p.ends[e]]
		start = p.ends[e]
		e++
		return t
	}
	for i := range n {
		c := &p.pool[i]
		c.script = sc
		c.argv = append(append(c.argv[:0], next()), argv...)
		c.keys = c.keys[:0]
		for range keys {
			c.keys = append(c.keys, next())
		}
		if mark != "" {
			c.keys = append(c.keys, mark)
		}
		p.cmds = append(p.cmds, c)
	}
}

// part returns the checks of a command.
func (p *plan) part(i int) []int { return p.order[p.from[i]:p.from[i+1]] }
