// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestPipelinesCountOnce has the first command of a pipeline be refused for the moment,
// because half of its keys have moved elsewhere: the others must not be sent again.
func TestPipelinesCountOnce(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, false)
	s := open(t, Options{Conn: connect(t, redisconn.Options{URLs: c.URLs(), Cluster: true}), Over: -1})
	// Two subjects of the first master.
	var subjects []string
	for n := 0; len(subjects) < 2; n++ {
		subject := fmt.Sprint("s", n)
		if redisconn.Slot(tagFor(s, subject)) < 5000 {
			subjects = append(subjects, subject)
		}
	}
	requests := window(limits.Fixed, time.Hour)
	settle(t, s, admit(t, s, on(requests, subjects[0], 1)), 1)
	slot := fmt.Sprint(redisconn.Slot(tagFor(s, subjects[0])))
	to, _ := c.Masters[1].Do("CLUSTER", "MYID").(string)
	c.Masters[0].Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to)

	var cmds []*command
	for i, check := range []limits.Check{on(tokens, subjects[0], 1), on(requests, subjects[1], 1)} {
		p := new(plan)
		var err error
		if i == 0 {
			id := limits.NewID()
			err = s.build(p, decideScript, toDecide, askReserve, []limits.Check{check}, string(id[:]))
		} else {
			err = s.build(p, plainScript, toDecide, 0, []limits.Check{check})
		}
		if err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, p.cmds...)
	}
	if err := send(t.Context(), s.client, cmds); err == nil {
		t.Error("the first command was not refused")
	}
	if !cmds[1].admitted() {
		t.Errorf("the second command: %v, %q", cmds[1].err, cmds[1].answer)
	}
	c.Masters[0].Do("CLUSTER", "SETSLOT", slot, "STABLE")
	holds(t, s, on(requests, subjects[1], 0), 1, 0)
}

// TestDenialsLookAtNoReservations has one of two keys deny in a Cluster: what the other
// one holds is told again then, which must not take longer the more is in flight.
func TestDenialsLookAtNoReservations(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, false)
	s := open(t, Options{Conn: connect(t, redisconn.Options{URLs: c.URLs(), Cluster: true}), Over: -1})
	for range 5 {
		admit(t, s, on(tokens, "many", 10))
	}
	d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(tokens, "many", 10), on(tokens, "over", 1001)}}
	if err := s.Decide(t.Context(), d); err != nil || !d.Denied || d.Degraded {
		t.Fatalf("error %v, denied %v, degraded %v", err, d.Denied, d.Degraded)
	}
	if used := d.Checks[0].Used; used != 50 {
		t.Errorf("%d used of what did not deny, want 50", used)
	}
	for _, m := range c.Masters {
		if stats, _ := m.Do("INFO", "commandstats").(string); strings.Contains(stats, "hgetall") {
			t.Errorf("reservations were added up: %s", stats)
		}
	}
	holds(t, s, on(tokens, "many", 0), 50, 50)
}

// tagFor is what the keys of a subject begin with.
func tagFor(s *Store, subject string) string {
	return string(appendTag(nil, s.prefix, &limits.Key{Level: "test", Subject: subject})) + suffixCounters
}
