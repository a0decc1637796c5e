// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/internal/journal"
)

// Recovery says what Open found in the journal.
type Recovery struct {
	journal.Recovery
	// Unreadable is the number of records that were found whole but mean nothing.
	Unreadable int
}

// Lossy reports whether records are missing or may be, beyond those that a power
// loss cuts off.
func (r Recovery) Lossy() bool { return len(r.Damaged) > 0 || r.Unreadable > 0 }

// String returns one line, without a full stop, that tells an operator all there
// is to know.
func (r Recovery) String() string {
	s := r.Recovery.String()
	if r.Unreadable > 0 {
		s += fmt.Sprintf("; %d of them mean nothing and were left out", r.Unreadable)
	}
	return s
}
