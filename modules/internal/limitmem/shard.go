// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"reflect"
	"sync"
)

const (
	numberBits = 22
	maxSlots   = 1 << numberBits // of one class in a shard
	numberMask = maxSlots - 1
	firstIndex = 16 // entries of an index to begin with
)

// chunkBytes is what a chunk of each class takes, rounded up as the allocator does.
var chunkBytes = [...]int64{
	classSmall:  allocated(reflect.TypeFor[[chunkSize]small]().Size()),
	classNarrow: allocated(reflect.TypeFor[[chunkSize]narrow]().Size()),
	classWide:   allocated(reflect.TypeFor[[chunkSize]wide]().Size()),
}

// minShardBytes leaves room for some chunks of each class.
const minShardBytes = 256 << 10

// allocated is an upper bound of what an object takes of the heap: sizes up to
// 32 KiB come in classes, others in pages of 8 KiB.
func allocated(size uintptr) int64 {
	n := int64(size) //nolint:gosec // Some kilobytes.
	if n > 32<<10 {
		return (n + 8191) / 8192 * 8192
	}
	return (n + 127) / 128 * 128
}

// shard is a part of the counters, with a lock of its own.
type shard struct {
	mu sync.Mutex
	// index finds slots, by open addressing. An entry is 0 or eight bits of the
	// hash, two of the class, and the number of the slot.
	index      []uint32
	entries    int
	maxEntries int
	bytes      int64
	maxBytes   int64

	small  slab[small]
	narrow slab[narrow]
	wide   slab[wide]
	slots  int                     // of all classes, free ones included
	free   [classWide + 1][]uint32 // by class
	ahead  [classWide + 1]uint32   // how far slots have been looked at

	gone       []stored // counters that are forgotten here but kept elsewhere
	dirty      int      // how many slots have flagDirty
	evicted    uint64
	overflowed uint64

	_ [64]byte // the next one's lock is in another cache line
}

func newShard(maxEntries int, maxBytes int64) *shard {
	return &shard{maxEntries: max(1, maxEntries), maxBytes: maxBytes}
}

// ref is the class and the number of a slot.
type ref uint32

func (r ref) class() uint32  { return uint32(r) >> numberBits & 3 }
func (r ref) number() uint32 { return uint32(r) & numberMask }

func refOf(class, number uint32) ref { return ref(class<<numberBits | number) }

func (sh *shard) head(r ref) *head {
	switch n := r.number(); r.class() {
	case classSmall:
		return &sh.small.at(n).head
	case classNarrow:
		return &sh.narrow.at(n).head
	default:
		return &sh.wide.at(n).head
	}
}

// passed says that what a slot holds does not count any more.
func (sh *shard) passed(r ref, now int64) bool {
	switch n := r.number(); r.class() {
	case classSmall:
		return sh.small.at(n).passed(now)
	case classNarrow:
		return sh.narrow.at(n).passed(now)
	default:
		return sh.wide.at(n).passed(now)
	}
}

// hash mixes what identifies a counter. The key's part is a hash already.
func hash(k id, t tag) uint64 {
	h := k.a ^ uint64(t)*0x9e3779b97f4a7c15
	return h ^ h>>29
}

// mark is what an index entry begins with: part of the hash, and the class.
func mark(h uint64, class uint32) uint32 {
	return uint32(h>>56)<<(numberBits+2) | class<<numberBits //nolint:gosec // Eight bits.
}

// find returns the slot of a counter, or 0.
func (sh *shard) find(k id, t tag) ref {
	if len(sh.index) == 0 {
		return 0
	}
	h := hash(k, t)
	want := mark(h, t.class())
	index := sh.index
	mask := uint64(len(index) - 1) //nolint:gosec // Not empty.
	for i := h & mask; ; i++ {
		e := index[i&mask]
		if e&^numberMask == want {
			r := ref(e & (1<<(numberBits+2) - 1))
			if hd := sh.head(r); hd.id == k && hd.tag == t {
				return r
			}
		} else if e == 0 {
			return 0
		}
	}
}

// insert makes an empty counter that is not there yet, and returns 0 if there is
// no room.
func (sh *shard) insert(k id, t tag, now int64) ref {
	class := t.class()
	if !sh.makeRoom(class, now) {
		return 0
	}
	free := sh.free[class]
	r := refOf(class, free[len(free)-1])
	sh.free[class] = free[:len(free)-1]
	sh.entries++
	hd := sh.head(r)
	hd.id, hd.tag = k, t
	sh.link(r, hd)
	return r
}

// link puts a slot in the index, which has room.
func (sh *shard) link(r ref, hd *head) {
	h := hash(hd.id, hd.tag)
	mask := uint64(len(sh.index) - 1) //nolint:gosec // Not empty.
	i := h & mask
	for sh.index[i] != 0 {
		i = (i + 1) & mask
	}
	sh.index[i] = mark(h, r.class()) | r.number()
}

// rehash makes a new index, with all slots in it.
func (sh *shard) rehash(size int) {
	sh.index = make([]uint32, size)
	sh.each(func(r ref, hd *head) { sh.link(r, hd) })
}

// each calls fn for each slot in use.
func (sh *shard) each(fn func(ref, *head)) {
	for class := uint32(classSmall); class <= classWide; class++ {
		for c := range sh.chunks(class) {
			if sh.missing(class, c) {
				continue
			}
			for n := range uint32(chunkSize) {
				r := refOf(class, c*chunkSize+n)
				if hd := sh.head(r); hd.tag != 0 {
					fn(r, hd)
				}
			}
		}
	}
}

// chunks is the number of chunks of a class, including those given back.
func (sh *shard) chunks(class uint32) uint32 {
	var n int
	switch class {
	case classSmall:
		n = len(sh.small.chunks)
	case classNarrow:
		n = len(sh.narrow.chunks)
	default:
		n = len(sh.wide.chunks)
	}
	return uint32(n) //nolint:gosec // Bounded by maxSlots.
}

func (sh *shard) missing(class, chunk uint32) bool {
	switch class {
	case classSmall:
		return sh.small.chunks[chunk] == nil
	case classNarrow:
		return sh.narrow.chunks[chunk] == nil
	default:
		return sh.wide.chunks[chunk] == nil
	}
}

// remove forgets a counter.
func (sh *shard) remove(r ref) {
	hd := sh.head(r)
	sh.unlink(r, hd)
	if hd.flags&flagDirty != 0 {
		sh.dirty--
	}
	if hd.flags&flagStored != 0 {
		sh.forgotten(stored{hd.id, hd.tag})
	}
	switch n := r.number(); r.class() {
	case classSmall:
		*sh.small.at(n) = small{}
	case classNarrow:
		*sh.narrow.at(n) = narrow{}
	default:
		*sh.wide.at(n) = wide{}
	}
	sh.free[r.class()] = append(sh.free[r.class()], r.number())
	sh.entries--
}

// forgotten notes that what is kept elsewhere of a counter is to be deleted there. While
// that cannot be done, it is noted of no more than there may be counters: others stay
// there until they have passed, and count too much rather than too little.
func (sh *shard) forgotten(c stored) {
	if len(sh.gone) < sh.maxEntries {
		sh.gone = append(sh.gone, c)
	}
}

// unlink takes a slot out of the index, and moves up those that come after it
// because their place was taken.
func (sh *shard) unlink(r ref, hd *head) {
	h := hash(hd.id, hd.tag)
	mask := uint64(len(sh.index) - 1) //nolint:gosec // Not empty.
	gap := h & mask
	for entry := mark(h, r.class()) | r.number(); sh.index[gap] != entry; {
		gap = (gap + 1) & mask
	}
	for i := gap; ; {
		i = (i + 1) & mask
		e := sh.index[i]
		if e == 0 {
			break
		}
		other := sh.head(ref(e & (1<<(numberBits+2) - 1)))
		home := hash(other.id, other.tag) & mask
		if (i-home)&mask >= (i-gap)&mask {
			sh.index[gap] = e
			gap = i
		}
	}
	sh.index[gap] = 0
}
