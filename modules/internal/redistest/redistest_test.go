// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestServer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Do("SET", "greeting", "hello")
	if got := s.Do("GET", "greeting"); got != "hello" {
		t.Errorf("GET = %v", got)
	}
	if got := s.Do("GET", "nothing"); got != nil {
		t.Errorf("GET of nothing = %v", got)
	}
	if got := s.Do("INCR", "count"); got != int64(1) {
		t.Errorf("INCR = %v", got)
	}
	if list, ok := s.Do("MGET", "greeting", "nothing").([]any); !ok || len(list) != 2 || list[0] != "hello" || list[1] != nil {
		t.Errorf("MGET = %v", list)
	}
	if _, err := s.Try("NONSENSE"); err == nil {
		t.Error("nonsense is answered")
	}
	s.Restart(false)
	if got := s.Do("GET", "greeting"); got != "hello" {
		t.Errorf("after a restart, GET = %v", got)
	}
	s.Kill()
	if _, err := s.Try("PING"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a killed server: %v", err)
	}
	s.Restart(true)
	if got := s.Do("GET", "greeting"); got != nil {
		t.Errorf("after an empty restart, GET = %v", got)
	}
}

func TestServerWithPassword(t *testing.T) {
	t.Parallel()
	s := Start(t, "--requirepass", "demo-password-not-a-secret")
	if got := s.Do("PING"); got != "PONG" {
		t.Errorf("PING = %v", got)
	}
}

// ping sends a PING on a connection and returns how long the answer took.
func ping(c net.Conn, patience time.Duration) (time.Duration, error) {
	began := time.Now()
	if err := c.SetDeadline(began.Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(c, make([]byte, len("+PONG\r\n")))
	return time.Since(began), err
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestServerStops(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c := dial(t, s.Addr)
	s.Stop()
	if _, err := ping(c, 20*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a frozen server answers: %v", err)
	}
	s.Cont()
	if _, err := ping(dial(t, s.Addr), patience); err != nil {
		t.Errorf("a thawed server: %v", err)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	s := Start(t)
	p := StartProxy(t, s.Addr)
	c := dial(t, p.Addr)
	if _, err := ping(c, patience); err != nil {
		t.Fatal(err)
	}
	p.SetLatency(30 * time.Millisecond)
	if took, err := ping(c, patience); err != nil || took < 30*time.Millisecond {
		t.Errorf("slow: %v, %v", took, err)
	}
	p.SetLatency(0)
	p.BlackHole(true)
	if _, err := ping(c, 20*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("something leaves a black hole: %v", err)
	}
	p.BlackHole(false)
	p.Reset()
	if _, err := ping(c, patience); err == nil {
		t.Error("a connection survives a reset")
	}
	p.Cut()
	if _, err := ping(dial(t, p.Addr), patience); err == nil {
		t.Error("a cut proxy passes something on")
	}
	p.Mend()
	if _, err := ping(dial(t, p.Addr), patience); err != nil {
		t.Errorf("mended: %v", err)
	}
}

func TestGroupFailsOver(t *testing.T) {
	t.Parallel()
	g := StartGroup(t)
	if len(g.URLs()) != 3 {
		t.Errorf("Sentinels are at %v", g.URLs())
	}
	old := g.Master()
	old.Kill()
	master, took := g.AwaitMaster(old)
	t.Logf("failover took %v", took)
	master.Do("SET", "key", "value")
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, true)
	owner := c.Owner("{demo}")
	owner.Do("SET", "{demo}key", "value")
	slot := int(owner.Do("CLUSTER", "KEYSLOT", "{demo}").(int64))
	to := c.Masters[0]
	if to == owner {
		to = c.Masters[1]
	}
	c.MoveSlots(owner, to, slot, slot)
	if got := to.Do("GET", "{demo}key"); got != "value" || c.Owner("{demo}") != to {
		t.Errorf("in its new place, GET = %v", got)
	}
	if _, err := owner.Try("GET", "{demo}key"); err == nil || err.Error() != "MOVED "+strconv.Itoa(slot)+" "+to.Addr {
		t.Errorf("the old place says %v", err)
	}
	for i, s := range c.Masters {
		if s == to {
			s.Kill()
			Eventually(t, "a replica that takes over", func() bool { return c.Replicas[i].Info("replication", "role") == "master" })
		}
	}
}
