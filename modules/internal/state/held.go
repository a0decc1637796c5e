// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

// Held is bytes that a handler keeps back. They come out of the budget for all request
// bodies and held answers (see [Request.Body]). The zero value is empty.
type Held struct{ data []byte }

// Append adds a copy of p. It reports false, and adds nothing, if the budget is used up.
func (h *Held) Append(p []byte) (ok bool) {
	if need := int64(len(h.data) + len(p)); need > int64(cap(h.data)) {
		if h.data, ok = grow(h.data, max(need, 2*int64(cap(h.data)))); !ok {
			return false
		}
	}
	h.data = append(h.data, p...)
	return true
}

// Bytes returns what was added, which is valid until Release.
func (h *Held) Bytes() []byte { return h.data }

// Release gives the memory back. Held is empty then, and may be used again.
func (h *Held) Release() {
	giveBack(h.data)
	h.data = nil
}
