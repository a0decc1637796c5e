// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

// FuzzReplay reads arbitrary bytes as a segment. Whatever they are, what is replayed
// is in them, its numbers increase, and the journal goes on from there.
func FuzzReplay(f *testing.F) {
	const salt = 0x5eed5a17
	valid := appendHeader(nil, header{first: 5, prev: 2, salt: salt})
	for i, payload := range []string{"", "a", "a record", string(make([]byte, 300))} {
		valid = appendRecord(valid, salt, uint64(5+i), []byte(payload))
	}
	f.Add([]byte{})
	f.Add(valid)
	f.Add(valid[:len(valid)-5])
	f.Add(valid[headerSize:])
	f.Add(slices.Concat(valid[:40], valid[45:]))
	f.Add(slices.Concat(valid, make([]byte, 50)))
	f.Add(slices.Concat(valid, valid))
	f.Add(appendRecord(nil, salt, 3+maxGap, []byte("just believed")))
	f.Add(appendRecord(nil, salt, math.MaxUint64, []byte("not believed")))
	f.Add(appendHeader(nil, header{first: math.MaxUint64, prev: 1}))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newMemFS()
		m.names[segmentName(1, salt)] = &inode{data: bytes.Clone(data)}
		var got []record
		j, rec, err := Open(Options{FS: m}, 3, func(seq uint64, payload []byte) error {
			got = append(got, record{seq, string(payload)})
			return nil
		})
		if err != nil {
			if _, parse := parseHeader(data); parse == nil {
				t.Fatalf("Open() = %v", err)
			}
			return // another version
		}
		for i, r := range got {
			if !bytes.Contains(data, []byte(r.payload)) || r.seq <= 3 || i > 0 && r.seq <= got[i-1].seq {
				t.Fatalf("replayed %v", got)
			}
		}
		if rec.Records != len(got) || rec.String() == "" {
			t.Fatalf("Recovery = %+v, want %d records", rec, len(got))
		}
		goesOn(t, m, 3, got, j)
	})
}
