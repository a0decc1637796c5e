// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"time"
)

// Flags are the yes-or-no statements kept of a stored answer.
type Flags uint8

const (
	// FlagNoCache: each use needs validation first.
	FlagNoCache Flags = 1 << iota
	// FlagMustRevalidate: never served stale (must-revalidate, and for caches
	// that are shared proxy-revalidate and s-maxage).
	FlagMustRevalidate
	// FlagAsGET: the answer to a POST that is stored for GETs of the target.
	FlagAsGET
	// FlagHeuristic: the lifetime is an estimate or the policy's TTL.
	FlagHeuristic
	flagsKnown = 1<<iota - 1
)

// Meta is what is kept of an answer besides its header fields and body to
// decide on its use. It is a value of a few words; see AppendBinary for stores
// of bytes.
type Meta struct {
	Status int
	Flags  Flags
	// Received is when the answer came, in milliseconds since 1970.
	Received int64
	// InitialAge is corrected_initial_age of RFC 9111 section 4.2.3.
	InitialAge time.Duration
	// Lifetime is the freshness lifetime (section 4.2.1).
	Lifetime time.Duration
	// WhileRevalidate and IfError are how far past its lifetime the answer may
	// be served, as it or the policy says.
	WhileRevalidate, IfError time.Duration
	// ETag and LastModified are the validators, as they were sent, empty when
	// there is none. LastModified is empty too when it is not a date.
	ETag, LastModified string
	// Date is the Date of the answer or else when it came, in Unix seconds.
	Date int64
}

// Has reports whether all of flags are set.
func (m *Meta) Has(flags Flags) bool { return m.Flags&flags == flags }

// Validatable reports whether there is a validator to ask the origin with.
func (m *Meta) Validatable() bool { return m.ETag != "" || m.LastModified != "" }

// Age returns current_age of RFC 9111 section 4.2.3. It is never negative and
// never below the age the answer came with, also when the clock was set back.
func (m *Meta) Age(now time.Time) time.Duration {
	ms := now.UnixMilli() - m.Received
	if ms <= 0 {
		return clamp(m.InitialAge)
	}
	if ms > int64(maxDelta/time.Millisecond) {
		return maxDelta
	}
	return clamp(clamp(m.InitialAge) + time.Duration(ms)*time.Millisecond)
}

// TTL returns how long the answer stays fresh; it is negative when it is stale.
func (m *Meta) TTL(now time.Time) time.Duration { return m.Lifetime - m.Age(now) }

// KeepFor returns for how long from now a store should hold the answer: as
// long as it is fresh or may be served stale and, if it can be validated, for
// extra beyond.
func (m *Meta) KeepFor(now time.Time, extra time.Duration) time.Duration {
	keep := max(m.TTL(now), 0)
	if !m.Has(FlagMustRevalidate) && !m.Has(FlagNoCache) {
		keep = max(keep, m.TTL(now)+max(m.WhileRevalidate, m.IfError))
	}
	if m.Validatable() {
		keep += clamp(extra)
	}
	return clamp(keep)
}

// AppendAge appends the value of the Age field, in whole seconds.
func (m *Meta) AppendAge(dst []byte, now time.Time) []byte {
	return appendSeconds(dst, m.Age(now))
}

// SetConditions replaces the conditions and the range of a request to the
// origin by those that validate the stored answer (RFC 9111 section 4.3.1). A
// 304 then speaks of the stored answer and of no other.
func (m *Meta) SetConditions(h http.Header) {
	DropConditions(h)
	if m.ETag != "" {
		h["If-None-Match"] = []string{m.ETag}
	}
	if m.LastModified != "" {
		h["If-Modified-Since"] = []string{m.LastModified}
	}
}

// DropConditions removes what would make the origin answer with less than the
// whole representation, for a request whose answer is to be stored.
func DropConditions(h http.Header) {
	delete(h, "If-None-Match")
	delete(h, "If-Modified-Since")
	delete(h, "If-Range")
	delete(h, "Range")
}
