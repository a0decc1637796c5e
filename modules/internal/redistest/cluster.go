// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// slots is how many a Cluster has.
const slots = 16384

// Cluster is a Redis Cluster. A node that does not answer for a second is replaced
// by its replica, if it has one.
type Cluster struct {
	// Masters have equal parts of the slots, in order.
	Masters []*Server
	// Replicas are those of the masters with the same index, or none.
	Replicas []*Server

	t  testing.TB
	id map[*Server]string
}

// StartCluster runs three masters, and a replica of each if asked for, and waits
// until all agree about the slots.
func StartCluster(t testing.TB, replicas bool, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, id: map[*Server]string{}}
	bus := map[*Server]string{}
	node := func() *Server {
		var busPort string
		s := start(t, t.TempDir(), func(port string) []string {
			busPort = freePort(t)
			return append(append(serverArgs(port),
				"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", busPort,
				"--cluster-config-file", "nodes.conf"), args...)
		})
		bus[s] = busPort
		c.id[s], _ = s.Do("CLUSTER", "MYID").(string)
		return s
	}
	for range 3 {
		c.Masters = append(c.Masters, node())
		if replicas {
			c.Replicas = append(c.Replicas, node())
		}
	}
	for i, s := range c.Masters {
		first, last := slots*i/3, slots*(i+1)/3-1
		s.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, s := range c.all()[1:] {
		s.Do("CLUSTER", "MEET", "127.0.0.1", c.Masters[0].Port(), bus[c.Masters[0]])
	}
	c.await("all nodes", func(s *Server) bool {
		return c.info(s, "cluster_known_nodes") == strconv.Itoa(len(c.all())) && c.info(s, "cluster_state") == "ok"
	})
	for i, s := range c.Replicas {
		s.Do("CLUSTER", "REPLICATE", c.id[c.Masters[i]])
	}
	c.await("all replicas", func(s *Server) bool {
		list, _ := s.Do("CLUSTER", "SHARDS").([]any)
		return len(list) == 3 && (!strings.Contains(s.Info("replication", "role"), "slave") ||
			s.Info("replication", "master_link_status") == "up")
	})
	return c
}

func (c *Cluster) all() []*Server { return append(append([]*Server{}, c.Masters...), c.Replicas...) }

// await waits until something is so for every node.
func (c *Cluster) await(what string, ok func(*Server) bool) {
	c.t.Helper()
	Eventually(c.t, what, func() bool {
		for _, s := range c.all() {
			if !ok(s) {
				return false
			}
		}
		return true
	})
}

func (c *Cluster) info(s *Server, field string) string {
	text, _ := s.Do("CLUSTER", "INFO").(string)
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return value
		}
	}
	return ""
}

// URLs are the addresses of the masters.
func (c *Cluster) URLs() []string {
	urls := make([]string, len(c.Masters))
	for i, s := range c.Masters {
		urls[i] = s.URL()
	}
	return urls
}

// Owner returns the master of a key.
func (c *Cluster) Owner(key string) *Server {
	c.t.Helper()
	slot, _ := c.Masters[0].Do("CLUSTER", "KEYSLOT", key).(int64)
	for _, s := range c.Masters {
		if owned, err := s.Try("CLUSTER", "COUNTKEYSINSLOT", strconv.FormatInt(slot, 10)); err == nil && owned != nil {
			if _, err := s.Try("TYPE", key); err == nil {
				return s
			}
		}
	}
	c.t.Fatalf("nobody has the slot of %q", key)
	return nil
}

// MoveSlots gives slots from one master to another, first to last, one after the
// other and with their keys, as redis-cli does. Clients are redirected meanwhile.
func (c *Cluster) MoveSlots(from, to *Server, first, last int) {
	c.t.Helper()
	for slot := first; slot <= last; slot++ {
		n := strconv.Itoa(slot)
		to.Do("CLUSTER", "SETSLOT", n, "IMPORTING", c.id[from])
		from.Do("CLUSTER", "SETSLOT", n, "MIGRATING", c.id[to])
		for {
			keys, _ := from.Do("CLUSTER", "GETKEYSINSLOT", n, "100").([]any)
			if len(keys) == 0 {
				break
			}
			for _, k := range keys {
				from.Do("MIGRATE", "127.0.0.1", to.Port(), fmt.Sprint(k), "0", "5000")
			}
		}
		for _, s := range []*Server{to, from} {
			s.Do("CLUSTER", "SETSLOT", n, "NODE", c.id[to])
		}
	}
	// The others learn of it by gossip. As long as some do not know, moving slots again
	// could be understood in the wrong order.
	Eventually(c.t, "all masters know who has the slots", func() bool {
		for _, s := range c.Masters {
			for slot := first; slot <= last; slot++ {
				if c.ownerAt(s, slot) != c.id[to] {
					return false
				}
			}
		}
		return true
	})
}

// ownerAt returns the id of the master that has a slot, as a node sees it.
func (c *Cluster) ownerAt(s *Server, slot int) string {
	c.t.Helper()
	ranges, _ := s.Do("CLUSTER", "SLOTS").([]any)
	for _, r := range ranges {
		r, _ := r.([]any)
		first, _ := r[0].(int64)
		last, _ := r[1].(int64)
		if first <= int64(slot) && int64(slot) <= last {
			id, _ := r[2].([]any)[2].(string)
			return id
		}
	}
	return ""
}

// Healthy reports whether a node says that the cluster serves all slots.
func (c *Cluster) Healthy(s *Server) bool { return c.info(s, "cluster_state") == "ok" }
