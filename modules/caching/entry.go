// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package caching

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"
)

// Bounds of an entry.
const (
	// MaxTags is how many tags an entry may have.
	MaxTags = 64
	// MaxTagBytes is how long a tag may be.
	MaxTagBytes = 512
	// MaxMetaBytes is how long Entry.Meta may be.
	MaxMetaBytes = 1 << 20
)

// Entry is a stored response. It is never changed once it has been put.
type Entry struct {
	// Meta describes the response: status, headers, times, and what else its writer
	// wants to find again. At most MaxMetaBytes.
	Meta []byte
	// Body is the body in pieces, of which some may be empty. Stores may give it back
	// in others.
	Body [][]byte
	// Tags are what the entry can be purged by. They are any bytes, none of them empty.
	Tags []string
	// Owner is who has caused the entry, so that nobody can fill the store alone. It is
	// empty where everybody has. Stores need not give it back.
	Owner string
	// Expires is when the store forgets the entry. It may be kept less exactly than to
	// the millisecond, but never longer.
	Expires time.Time
}

// Check returns an error that wraps ErrInvalid if e cannot be put.
func (e *Entry) Check() error {
	switch {
	case len(e.Meta) > MaxMetaBytes:
		return fmt.Errorf("%w: its meta has %d bytes, of at most %d", ErrInvalid, len(e.Meta), MaxMetaBytes)
	case len(e.Tags) > MaxTags:
		return fmt.Errorf("%w: it has %d tags, of at most %d", ErrInvalid, len(e.Tags), MaxTags)
	case e.Expires.IsZero():
		return fmt.Errorf("%w: it never expires", ErrInvalid)
	}
	return CheckTags(e.Tags)
}

// CheckTags returns an error that wraps ErrInvalid if one of them is no tag.
func CheckTags(tags []string) error {
	for _, tag := range tags {
		if tag == "" || len(tag) > MaxTagBytes {
			return fmt.Errorf("%w: a tag has %d bytes, of 1 to %d", ErrInvalid, len(tag), MaxTagBytes)
		}
	}
	return nil
}

// HasTags reports whether e has all of the tags, and so is subject to a purge of them.
func (e *Entry) HasTags(tags []string) bool {
	for _, tag := range tags {
		if !slices.Contains(e.Tags, tag) {
			return false
		}
	}
	return true
}

// Len is how many bytes the body has.
func (e *Entry) Len() int64 {
	var n int64
	for _, p := range e.Body {
		n += int64(len(p))
	}
	return n
}

// Bytes returns the whole body, which may not be changed. It is copied only if it is
// kept in several pieces.
func (e *Entry) Bytes() []byte {
	if len(e.Body) == 1 {
		return e.Body[0]
	}
	return bytes.Join(e.Body, nil)
}

// WriteTo implements io.WriterTo: it writes the body, piece by piece.
func (e *Entry) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for _, p := range e.Body {
		if len(p) == 0 {
			continue
		}
		n, err := w.Write(p)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// WriteRange writes n bytes of the body from an offset on, or as many as there are.
func (e *Entry) WriteRange(w io.Writer, offset, n int64) (int64, error) {
	var written int64
	for _, p := range e.Body {
		length := int64(len(p))
		if offset >= length {
			offset -= length
			continue
		}
		part := p[offset:min(length, offset+n-written)]
		offset = 0
		if len(part) == 0 {
			break
		}
		m, err := w.Write(part)
		written += int64(m)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Interface guards
var _ io.WriterTo = (*Entry)(nil)
