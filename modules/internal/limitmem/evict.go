// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"slices"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

const (
	// lookAhead is how many slots are looked at for one that holds nothing any more.
	lookAhead = 24
	// goRound is how many slots the hand passes before it takes the least used one
	// that it has seen, or gives up.
	goRound = 256
	// reclaimed is how many chunks of another class are looked at for one that can
	// be given back.
	reclaimed = 4
)

// makeRoom makes sure that there is a free slot of a class, and that one more
// counter is allowed.
func (sh *shard) makeRoom(class uint32, now int64) bool {
	if sh.entries >= sh.maxEntries && !sh.evict(class, now) && !sh.evictOther(class, now) {
		return false
	}
	if len(sh.free[class]) > 0 || sh.grow(class) {
		return true
	}
	return sh.evict(class, now) || sh.reclaim(class, now) && sh.grow(class)
}

// grow allocates a chunk, if there is room.
func (sh *shard) grow(class uint32) bool {
	index := max(firstIndex, len(sh.index))
	for (sh.slots+chunkSize)*4 > index*3 {
		index *= 2
	}
	bytes := chunkBytes[class] + int64(4*(index-len(sh.index)))
	if sh.bytes+bytes > sh.maxBytes || sh.chunks(class) >= maxSlots/chunkSize {
		return false
	}
	sh.bytes += bytes
	sh.slots += chunkSize
	if index > len(sh.index) {
		sh.rehash(index)
	}
	var first uint32
	switch class {
	case classSmall:
		first = sh.small.grow()
	case classNarrow:
		first = sh.narrow.grow()
	default:
		first = sh.wide.grow()
	}
	for n := range uint32(chunkSize) {
		sh.free[class] = append(sh.free[class], first+chunkSize-1-n)
	}
	return true
}

func (sh *shard) hand(class uint32) *uint32 {
	switch class {
	case classSmall:
		return &sh.small.hand
	case classNarrow:
		return &sh.narrow.hand
	default:
		return &sh.wide.hand
	}
}

// lasting says that a counter must not be forgotten while it holds something.
func (hd *head) lasting() bool {
	return hd.flags&flagOver != 0 || hd.tag.unit() == limits.Cost || hd.tag.kind() == limits.Held
}

// inUse says that a counter must not be forgotten, whatever it holds.
func (hd *head) inUse() bool { return hd.open > 0 || hd.flags&flagPinned != 0 }

// evict forgets a counter of a class, and says whether there was one to forget.
func (sh *shard) evict(class uint32, now int64) bool {
	slots := sh.chunks(class) * chunkSize
	if slots == 0 {
		return false
	}
	if r := sh.findPassed(class, slots, now); r != 0 {
		sh.remove(r)
		return true
	}
	hand := sh.hand(class)
	var best ref
	least := uint8(maxUse + 1)
	for range min(slots, goRound) {
		*hand = after(*hand, slots)
		r, hd := sh.candidate(class, *hand)
		if r == 0 || hd.lasting() && !sh.passed(r, now) {
			continue
		}
		if hd.use < least {
			best, least = r, hd.use
		}
		if hd.use == 0 {
			break
		}
		hd.use--
	}
	if best == 0 {
		return false
	}
	if !sh.passed(best, now) {
		sh.evicted++
	}
	sh.remove(best)
	return true
}

// findPassed looks at the next slots for one that holds nothing any more.
func (sh *shard) findPassed(class, slots uint32, now int64) ref {
	ahead := &sh.ahead[class]
	for range min(slots, lookAhead) {
		*ahead = after(*ahead, slots)
		if r, _ := sh.candidate(class, *ahead); r != 0 && sh.passed(r, now) {
			return r
		}
	}
	return 0
}

func after(hand, slots uint32) uint32 {
	if hand++; hand < slots {
		return hand
	}
	return 0
}

// candidate returns a slot if it holds a counter that is not in use.
func (sh *shard) candidate(class, number uint32) (ref, *head) {
	if sh.missing(class, number/chunkSize) {
		return 0, nil
	}
	r := refOf(class, number)
	hd := sh.head(r)
	if hd.tag == 0 || hd.inUse() {
		return 0, nil
	}
	return r, hd
}

// evictOther forgets a counter of any class but one.
func (sh *shard) evictOther(class uint32, now int64) bool {
	for other := uint32(classSmall); other <= classWide; other++ {
		if other != class && sh.evict(other, now) {
			return true
		}
	}
	return false
}

// reclaim gives back a chunk of another class, in which all counters may be
// forgotten.
func (sh *shard) reclaim(class uint32, now int64) bool {
	for other := uint32(classSmall); other <= classWide; other++ {
		chunks := sh.chunks(other)
		if other == class || chunks == 0 {
			continue
		}
		from := *sh.hand(other) / chunkSize
		for i := range min(chunks, reclaimed) {
			if chunk := (from + i) % chunks; !sh.missing(other, chunk) && sh.giveBack(other, chunk, now) {
				*sh.hand(other) = (chunk + 1) % chunks * chunkSize
				return true
			}
		}
		*sh.hand(other) = (from + reclaimed) % chunks * chunkSize
	}
	return false
}

// giveBack forgets what is in a chunk and frees it, unless something must stay.
func (sh *shard) giveBack(class, chunk uint32, now int64) bool {
	for n := range uint32(chunkSize) {
		r := refOf(class, chunk*chunkSize+n)
		if hd := sh.head(r); hd.tag != 0 && (hd.inUse() || hd.lasting() && !sh.passed(r, now)) {
			return false
		}
	}
	for n := range uint32(chunkSize) {
		r := refOf(class, chunk*chunkSize+n)
		if sh.head(r).tag == 0 {
			continue
		}
		if !sh.passed(r, now) {
			sh.evicted++
		}
		sh.remove(r)
	}
	sh.free[class] = slices.DeleteFunc(sh.free[class], func(n uint32) bool { return n/chunkSize == chunk })
	switch class {
	case classSmall:
		sh.small.chunks[chunk] = nil
	case classNarrow:
		sh.narrow.chunks[chunk] = nil
	default:
		sh.wide.chunks[chunk] = nil
	}
	sh.bytes -= chunkBytes[class]
	sh.slots -= chunkSize
	return true
}
