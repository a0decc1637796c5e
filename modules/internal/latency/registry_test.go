// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRegistryKeepsServers(t *testing.T) {
	t.Parallel()
	r := NewRegistry(2)
	a := r.Get("a", 1)
	if r.Get("a", 2) != a || r.Get("b", 3) == a || r.Len() != 2 {
		t.Errorf("a is another one, or b is not, or there are %d", r.Len())
	}
}

func TestRegistryDropsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	r := NewRegistry(3)
	a, b, c := r.Get("a", 1), r.Get("b", 2), r.Get("c", 3)
	r.Get("a", 4)
	r.Get("d", 5)
	if r.Len() != 3 {
		t.Errorf("%d servers, want 3", r.Len())
	}
	if r.Get("a", 6) != a || r.Get("c", 7) != c {
		t.Error("a server in use was dropped")
	}
	if r.Get("b", 8) == b {
		t.Error("the least recently used server was kept")
	}
}

func TestRegistryIsBounded(t *testing.T) {
	t.Parallel()
	r := NewRegistry(10)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				r.Get(strconv.Itoa(g*i), time.Duration(i))
			}
		})
	}
	wg.Wait()
	if n := r.Len(); n != 10 {
		t.Errorf("%d servers, want 10", n)
	}
	if n := NewRegistry(0).bound; n != 1 {
		t.Errorf("a registry of none holds %d, want 1", n)
	}
}

// TestRegistryKeepsNoLongAddresses has addresses that no host has, as of a header that
// somebody takes for one: what is kept of them is bounded.
func TestRegistryKeepsNoLongAddresses(t *testing.T) {
	t.Parallel()
	r := NewRegistry(10)
	long := strings.Repeat("x", 1<<20)
	if r.Get(long+"1", 1) != r.Get(long+"2", 2) || r.Len() != 1 {
		t.Errorf("%d servers, want 1", r.Len())
	}
	for address := range r.servers {
		if len(address) > longestAddress {
			t.Errorf("an address of %d bytes is kept", len(address))
		}
	}
}
