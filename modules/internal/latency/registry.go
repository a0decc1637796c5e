// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"strings"
	"sync"
	"time"
)

// longestAddress is how many bytes of an address count. Names of hosts and sockets are
// shorter; what a client has a say in may be as long as a header.
const longestAddress = 512

// Registry holds servers by address, a bounded number of them. Whoever holds a Server
// that was dropped may go on using it; the next to ask for its address gets a new one.
// Addresses that are the same for 512 bytes are one.
type Registry struct {
	bound int

	mu      sync.RWMutex
	servers map[string]*Server
}

// NewRegistry returns a registry of at most bound servers, at least one.
func NewRegistry(bound int) *Registry {
	return &Registry{bound: max(1, bound), servers: make(map[string]*Server)}
}

// Get returns the server of an address and marks it as used. A new one makes room for
// itself by dropping the least recently used.
func (r *Registry) Get(address string, now time.Duration) *Server {
	address = address[:min(len(address), longestAddress)]
	r.mu.RLock()
	s := r.servers[address]
	r.mu.RUnlock()
	if s == nil {
		s = r.add(address, now)
	}
	if s.used.Load() < int64(now) {
		s.used.Store(int64(now))
	}
	return s
}

func (r *Registry) add(address string, now time.Duration) *Server {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.servers[address]; s != nil {
		return s
	}
	if len(r.servers) >= r.bound {
		r.dropLocked()
	}
	s := new(Server)
	s.used.Store(int64(now))
	r.servers[strings.Clone(address)] = s // which may be a part of something long
	return s
}

// dropLocked removes the least recently used server. It looks at all of them, which a
// new address has to bear only once the registry is full.
func (r *Registry) dropLocked() {
	var oldest string
	var when int64
	found := false
	for address, s := range r.servers {
		if used := s.used.Load(); !found || used < when {
			oldest, when, found = address, used, true
		}
	}
	delete(r.servers, oldest)
}

// Len returns the number of servers held.
func (r *Registry) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.servers)
}

// Waiting returns how many attempts have no answer yet, of all servers held.
func (r *Registry) Waiting() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n := 0
	for _, s := range r.servers {
		n += s.Waiting()
	}
	return n
}
