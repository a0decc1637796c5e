// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"fmt"
	"strings"
)

// Recovery says what Open found.
type Recovery struct {
	// Records is the number of records that were replayed.
	Records int
	// Last is the highest sequence number found, 0 without any. It may be of a
	// record that was applied and hence not replayed.
	Last uint64
	// Torn is the number of bytes that were cut off the ends of segments because
	// their writing was never completed. That is usual after a power loss.
	Torn int64
	// Damaged is what else was not as it had been written, in order.
	Damaged []Damage
}

// Damage is a place where records are lost or may be.
type Damage struct {
	// File is the segment, without the directory. It stays until its remaining
	// records are released, and is then renamed to File + ".damaged".
	File string
	// Offset and Bytes say which part of it is unusable. Where Bytes is 0, nothing
	// in it is wrong, but records are missing that were written before it.
	Offset, Bytes int64
	// Lost is the number of records that are missing and had not been applied, as
	// far as the sequence numbers tell. At the end of the last segment it is 0,
	// because nothing tells.
	Lost uint64
	// Err is what the disk said where it could not be read, or nil.
	Err error
}

// String returns one line without a full stop.
func (d Damage) String() string {
	var b strings.Builder
	if d.Bytes == 0 {
		fmt.Fprintf(&b, "%s lost before %s", plural(d.Lost, "record"), d.File)
		return b.String()
	}
	fmt.Fprintf(&b, "%s damaged in %s at offset %d", plural(uint64(d.Bytes), "byte"), d.File, d.Offset)
	if d.Lost > 0 {
		fmt.Fprintf(&b, " (%s lost)", plural(d.Lost, "record"))
	}
	if d.Err != nil {
		fmt.Fprintf(&b, ": %v", d.Err)
	}
	return b.String()
}

// maxNamed is the number of damages that Recovery.String names.
const maxNamed = 5

// String returns one line, without a full stop, that tells an operator all there is
// to know.
func (r Recovery) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s replayed", plural(uint64(r.Records), "record"))
	if r.Last > 0 {
		fmt.Fprintf(&b, ", the last one found is number %d", r.Last)
	}
	if r.Torn > 0 {
		fmt.Fprintf(&b, "; %s of an unfinished write cut off", plural(uint64(r.Torn), "byte"))
	}
	for i, d := range r.Damaged {
		if i == maxNamed {
			fmt.Fprintf(&b, "; and %s more", plural(uint64(len(r.Damaged)-i), "damage"))
			break
		}
		b.WriteString("; ")
		b.WriteString(d.String())
	}
	return b.String()
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
