// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"errors"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Log keeps records of what changes counters that have to survive: those of windows
// of five minutes or longer, and of money. It is called with the counters locked.
type Log interface {
	// Append keeps a record. It must not keep the slice. If it returns an error,
	// what the record says is not done, and Decide returns the error; that is only
	// allowed where must is not set. hard says that a limit is at stake that must
	// not be exceeded (limits.Rule.Hard).
	Append(record []byte, hard, must bool) error
}

// Errors about bytes that Options.Log or a database of counters has kept.
var (
	// ErrDamaged tells that they are not what was written.
	ErrDamaged = errors.New("counters are damaged")
	// ErrNewer tells that a newer version has written them.
	ErrNewer = errors.New("written by a newer version of the gateway, which this one cannot read")
)

// logDecision tells the log what an admitted decision counts.
func (s *Store) logDecision(w *work, d *limits.Decision) error {
	hard := false
	for i := range d.Checks {
		c, x := &d.Checks[i], &w.at[i]
		if c.Weight <= 0 || !counts(c) || x.spill || !x.tag.persists() {
			continue
		}
		hard = hard || c.Rule.Hard()
		if c.Rule.Window.Kind == limits.Bucket {
			then := *x
			then.small = new(*x.small)
			then.small.owe(c.Rule, c.Weight)
			w.record = then.appendState(w.record)
			continue
		}
		w.record = x.appendAdd(w.record, x.slot(), c.Weight)
	}
	if len(w.record) == 0 {
		return nil
	}
	if err := s.log.Append(w.record, hard, false); err != nil {
		return err
	}
	for i := range d.Checks {
		if x := &w.at[i]; d.Checks[i].Weight > 0 && counts(&d.Checks[i]) && !x.spill && x.tag.persists() {
			x.changed()
		}
	}
	return nil
}

// logSettled tells the log what cannot be refused.
func (s *Store) logSettled(w *work) {
	if len(w.record) > 0 {
		_ = s.log.Append(w.record, false, true)
	}
}
