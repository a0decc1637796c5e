// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// MasterName is what the Sentinels call the master.
const MasterName = "demo"

// Group is a master and two replicas, watched by three Sentinels of which two have
// to agree. A master that does not answer for one and a half seconds is replaced.
// Less than the second that a Sentinel leaves between two pings would not do: it counts
// from the moment it learns of a master, and so would take each new one for dead just
// when it is about to ping it for the first time.
type Group struct {
	// Servers are the data servers. The first was the master at the start.
	Servers []*Server
	// Sentinels watch them.
	Sentinels []*Server

	t testing.TB
}

// StartGroup runs a master, its replicas and Sentinels, and waits until they know
// each other. The arguments are those of the data servers.
func StartGroup(t testing.TB, args ...string) *Group {
	t.Helper()
	g := &Group{t: t, Servers: []*Server{Start(t, args...)}}
	master := g.Servers[0]
	for range 2 {
		g.Servers = append(g.Servers, Start(t, append([]string{"--replicaof", "127.0.0.1 " + master.Port()}, args...)...))
	}
	Eventually(t, "two replicas", func() bool {
		return master.Info("replication", "connected_slaves") == "2" &&
			g.Servers[1].Info("replication", "master_link_status") == "up" &&
			g.Servers[2].Info("replication", "master_link_status") == "up"
	})
	for range 3 {
		g.Sentinels = append(g.Sentinels, startSentinel(t, master))
	}
	Eventually(t, "three Sentinels that know all", func() bool {
		for _, s := range g.Sentinels {
			if len(g.known(s, "REPLICAS")) != 2 || len(g.known(s, "SENTINELS")) != 2 {
				return false
			}
		}
		return true
	})
	return g
}

func startSentinel(t testing.TB, master *Server) *Server {
	t.Helper()
	dir := t.TempDir()
	return start(t, dir, func(port string) []string {
		config := fmt.Sprintf(`port %s
bind 127.0.0.1
dir %s
logfile %s
sentinel monitor %s 127.0.0.1 %s 2
sentinel down-after-milliseconds %[4]s 1500
sentinel failover-timeout %[4]s 3000
sentinel parallel-syncs %[4]s 2
`, port, dir, logName, MasterName, master.Port())
		path := filepath.Join(dir, "sentinel.conf")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"redis-sentinel", path}
	})
}

// known lists what a Sentinel knows of the replicas or of its peers.
func (g *Group) known(sentinel *Server, what string) []any {
	g.t.Helper()
	list, _ := sentinel.Do("SENTINEL", what, MasterName).([]any)
	return list
}

// URLs are the addresses of the Sentinels.
func (g *Group) URLs() []string {
	urls := make([]string, len(g.Sentinels))
	for i, s := range g.Sentinels {
		urls[i] = s.URL()
	}
	return urls
}

// Master asks a Sentinel which server is the master.
func (g *Group) Master() *Server {
	g.t.Helper()
	pair, _ := g.Sentinels[0].Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName).([]any)
	if len(pair) == 2 {
		for _, s := range g.Servers {
			if s.Addr == net.JoinHostPort(pair[0].(string), pair[1].(string)) {
				return s
			}
		}
	}
	g.t.Fatalf("the master is at %v, which is none of the servers", pair)
	return nil
}

// AwaitMaster waits until another server than old is the master and says so
// itself, and returns it and how long that took.
func (g *Group) AwaitMaster(old *Server) (*Server, time.Duration) {
	g.t.Helper()
	master := old
	took := Within(g.t, 2*patience, "another master", func() bool {
		master = g.Master()
		return master != old && master.Info("replication", "role") == "master"
	})
	return master, took
}
