// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

// zstdInput is the input of a zstd reader. It tells a smaller window than the first
// frame has, and records the input so that it can be read again with another one.
type zstdInput struct {
	from       *stage
	descriptor byte // what the window is said to be at most
	told       bool // the frame has a window, and it is larger than the smallest one told

	record    []byte
	pos       int // what is read of the record
	recording bool
}

const (
	maxRecord  = 512 << 10 // input that may be recorded
	keepRecord = 16 << 10  // larger buffers are given up

	// A frame begins with a magic number, the frame header descriptor and,
	// unless the latter has a flag, the window descriptor (RFC 8878 section
	// 3.1.1.1).
	zstdMagic         = "\x28\xb5\x2f\xfd"
	zstdFrameHeader   = 4 // its position
	zstdSingleSegment = 1 << 5
	zstdDescriptor    = 5 // its position
)

// begin prepares for a body.
func (in *zstdInput) begin(s *stage) {
	record := in.record[:0]
	if cap(record) > keepRecord {
		record = nil
	}
	*in = zstdInput{from: s, record: record, recording: true}
}

// again goes back to the beginning.
func (in *zstdInput) again(descriptor byte) {
	in.descriptor, in.pos = descriptor, 0
	in.recording = descriptor != anyWindow
}

// Read reads the recorded input and then the new one.
func (in *zstdInput) Read(p []byte) (int, error) {
	if in.pos < len(in.record) {
		n := copy(p, in.record[in.pos:])
		in.tell(p[:n])
		return n, nil
	}
	if !in.recording {
		if cap(in.record) > keepRecord {
			in.record = nil
		}
		return in.from.Read(p)
	}
	if len(in.record) > maxRecord {
		return 0, errWindow
	}
	n, err := in.from.Read(p)
	in.record = append(in.record, p[:n]...)
	in.tell(p[:n])
	return n, err
}

// tell puts the window to be told into the input that is read next.
func (in *zstdInput) tell(p []byte) {
	i := zstdDescriptor - in.pos
	in.pos += len(p)
	switch {
	case i < 0 || i >= len(p):
	case string(in.record[:len(zstdMagic)]) != zstdMagic || in.record[zstdFrameHeader]&zstdSingleSegment != 0:
		in.recording = false // there is no window to tell
	case p[i] > zstdWindows[0].descriptor:
		in.told = true
		p[i] = min(p[i], in.descriptor)
	default:
		in.recording = false
	}
}
