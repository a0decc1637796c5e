// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestMoving(t *testing.T) {
	t.Parallel()
	m := machine(t, "moving.md", "localhost:8080", service(t, "the old gateway"), "localhost:8087", service(t, "the service"))
	m.follow()
}

// TestShares asks for every one of ten thousand consumers at each share of the page, and
// again when everything has gone back. No request fails.
func TestShares(t *testing.T) {
	t.Parallel()
	consumers, tolerance := 10000, 2.0
	if testing.Short() {
		consumers, tolerance = 1000, 4
	}
	m := machine(t, "moving.md", "localhost:8080", service(t, "old"), "localhost:8087", service(t, "new"),
		"requests 100/min 1000/hour", "requests 100000/min") // the page's callers are not all here
	var caddyfile Block
	for _, b := range blocks(t, m.page) {
		if b.Language == "caddyfile" {
			caddyfile = b
		}
	}
	m.write(caddyfile)
	var table strings.Builder
	table.WriteString("name,key\n")
	for i := range consumers {
		fmt.Fprintf(&table, "consumer-%d,sha256:%x\n", i, sha256.Sum256([]byte(demoKey(i))))
	}
	m.must(os.WriteFile(filepath.Join(m.Dir, "consumers.csv"), []byte(table.String()), 0o600))
	if got := m.shell("caddy start --config Caddyfile"); got.Code != 0 {
		t.Fatalf("start: %s", got.Output)
	}

	var moved []bool
	share := 0
	for _, next := range []int{0, 10, 25, 50, 100, 0} {
		got := m.shell(fmt.Sprintf("sed -i 's/int({step}) <= %d`/int({step}) <= %d`/' Caddyfile && caddy reload --force --config Caddyfile", share, next))
		if got.Code != 0 {
			t.Fatalf("reload: %s", got.Output)
		}
		n := consumers
		if next%100 == 0 {
			n /= 10 // it is nobody or everybody
		}
		sides := m.ask(n)
		count := 0
		for i, side := range sides {
			if side {
				count++
			}
			if i < len(moved) && moved[i] && !side && next >= share {
				t.Errorf("at %d %% consumer %d went back", next, i)
			}
		}
		if percent := 100 * float64(count) / float64(n); percent < float64(next)-tolerance || percent > float64(next)+tolerance || next%100 == 0 && percent != float64(next) {
			t.Errorf("at %d %% there are %.1f %% of the consumers on the new side", next, percent)
		}
		moved, share = sides, next
		// Some of them once more, to see that they stay where they are.
		for i, side := range m.ask(consumers / 10) {
			if side != moved[i] {
				t.Errorf("at %d %% consumer %d was on both sides", next, i)
			}
		}
	}
}

func demoKey(i int) string { return "demo-key-" + strconv.Itoa(i) + "-not-a-secret" }

// ask sends a request for each of the first n consumers, and says who has moved.
func (m *Machine) ask(n int) []bool {
	m.t.Helper()
	sides := make([]bool, n)
	var workers sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	for worker := range 8 {
		workers.Go(func() {
			for i := worker; i < n; i += 8 {
				name, err := side(m.t, transport, "http://"+m.Gateway+"/api/v1/asr/inference", i)
				if err != nil {
					m.t.Errorf("consumer %d: %v", i, err)
					return
				}
				sides[i] = name == "new"
			}
		})
	}
	workers.Wait()
	return sides
}

// side asks for a consumer which upstream answers.
func side(t *testing.T, transport http.RoundTripper, url string, i int) (string, error) {
	status, body, err := get(t.Context(), transport, url, demoKey(i))
	if err != nil {
		return "", err
	}
	name, rest, _ := strings.Cut(body, " ")
	if want := fmt.Sprintf("has /api/v1/asr/inference from \"consumer-%d\"\n", i); rest != want {
		return "", fmt.Errorf("answer = %d %s", status, body)
	}
	return name, nil
}
