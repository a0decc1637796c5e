// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Journal keeps settlements of hard limits where they survive the gateway. Its
// methods are called from many goroutines.
type Journal interface {
	// Save keeps a payload under an ID until Done is called with it. It returns when
	// the payload survives the end of the process. An error means that it may not.
	Save(id limits.ID, payload []byte) error
	// Done tells that a payload is not needed any more.
	Done(id limits.ID)
}

// saved is a settlement as the journal keeps it. Fields have short names, since there
// may be many.
type saved struct {
	ID     limits.ID    `json:"i"`
	Cancel bool         `json:"c,omitempty"`
	Until  time.Time    `json:"u"`
	Checks []savedCheck `json:"w"`
}

type savedCheck struct {
	Level   string        `json:"l"`
	Subject []byte        `json:"s"` // any bytes, which a string of JSON cannot hold
	Unit    limits.Unit   `json:"u"`
	Kind    limits.Kind   `json:"k"`
	Length  time.Duration `json:"n,omitempty"`
	Period  limits.Period `json:"p,omitempty"`
	Zone    string        `json:"z,omitempty"`
	Limit   int64         `json:"m"`
	Burst   int64         `json:"b,omitempty"`
	Weight  int64         `json:"w"`
	Actual  int64         `json:"a"`
	Slot    int64         `json:"o"`
}

func (st *settlement) encode() []byte {
	v := saved{ID: st.id, Cancel: st.cancel, Until: st.until}
	for i := range st.checks {
		c := &st.checks[i]
		w := c.Rule.Window
		sc := savedCheck{
			Level: c.Key.Level, Subject: []byte(c.Key.Subject), Unit: c.Rule.Unit, Kind: w.Kind, Length: w.Length,
			Period: w.Period, Limit: c.Rule.Limit, Burst: c.Rule.Burst, Weight: c.Weight, Actual: c.Actual, Slot: c.Slot,
		}
		if w.Zone != nil {
			sc.Zone = w.Zone.String()
		}
		v.Checks = append(v.Checks, sc)
	}
	payload, _ := json.Marshal(v) // it has no values that cannot be encoded
	return payload
}

// Resume takes up a settlement that a Journal has kept, as Save was given it. It is
// told to Redis again, where it counts once.
func (s *Store) Resume(payload []byte) error {
	var v saved
	if err := json.Unmarshal(payload, &v); err != nil {
		return fmt.Errorf("read settlement: %w", err)
	}
	st := settlement{id: v.ID, cancel: v.Cancel, reserved: true, hard: true, saved: s.journal != nil, until: v.Until}
	for _, sc := range v.Checks {
		w := limits.Window{Kind: sc.Kind, Length: sc.Length, Period: sc.Period}
		if sc.Zone != "" {
			zone, err := time.LoadLocation(sc.Zone)
			if err != nil {
				return fmt.Errorf("read settlement: %w", err)
			}
			w.Zone = zone
		}
		r := &limits.Rule{Unit: sc.Unit, Window: w, Limit: sc.Limit, Burst: sc.Burst}
		if err := r.Check(); err != nil {
			return fmt.Errorf("read settlement: %w", err)
		}
		st.checks = append(st.checks, limits.Check{
			Rule: r, Key: limits.Key{Level: sc.Level, Subject: string(sc.Subject)},
			Weight: sc.Weight, Actual: sc.Actual, Slot: sc.Slot,
		})
	}
	for _, lost := range s.pending.push(st) {
		s.stats.dropped.Add(1)
		s.understood(&lost)
	}
	return nil
}
