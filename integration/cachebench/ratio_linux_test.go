// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachebench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"
)

const (
	// pages is how many there are, pageSize how large each is, and asked how many are
	// asked for.
	pages, pageSize, asked = 100_000, 1000, 400_000
	// cacheSize is what the gateway may keep: about a tenth of the pages.
	cacheSize = 16 << 20
)

// BenchmarkHitRatio asks a gateway for pages, some much more often than others, and two
// libraries for the same with room for as many.
func BenchmarkHitRatio(b *testing.B) {
	for _, s := range []float64{0.8, 0.9, 1.0, 1.1} {
		trace := zipf(s)
		b.Run(fmt.Sprintf("zipf-%.1f", s), func(b *testing.B) {
			ask, kept := throughGateway(b)
			gateway := ratio(trace, ask)
			room := kept()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(room), "entries")
			b.ReportMetric(100*gateway, "gateway-%")
			b.ReportMetric(100*ratio(trace, inOtter(room)), "otter-%")
			b.ReportMetric(100*ratio(trace, inRistretto(b, room)), "ristretto-%")
		})
	}
}

// zipf returns pages of which the n-th is asked for with a frequency of 1/n^s.
func zipf(s float64) []int {
	sums, sum := make([]float64, pages), 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -s)
		sums[i] = sum
	}
	r := rand.New(rand.NewPCG(7, 8))
	trace := make([]int, asked)
	for i := range trace {
		trace[i] = sort.SearchFloat64s(sums, r.Float64()*sum)
	}
	return trace
}

func ratio(trace []int, ask func(page int) (hit bool)) float64 {
	hits := 0
	for _, page := range trace {
		if ask(page) {
			hits++
		}
	}
	return float64(hits) / float64(len(trace))
}

func inOtter(room int64) func(int) bool {
	c := otter.Must(&otter.Options[int, int]{MaximumSize: int(room), Executor: func(f func()) { f() }})
	return func(page int) bool {
		_, hit := c.GetIfPresent(page)
		if !hit {
			c.Set(page, page)
		}
		return hit
	}
}

func inRistretto(b *testing.B, room int64) func(int) bool {
	b.Helper()
	c, err := ristretto.NewCache(&ristretto.Config[int, int]{
		NumCounters: 10 * room, MaxCost: room, BufferItems: 64, IgnoreInternalCost: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return func(page int) bool {
		_, hit := c.Get(page)
		if !hit {
			c.Set(page, page, 1)
			c.Wait() // who asks the gateway has its answer first, too
		}
		return hit
	}
}

// throughGateway asks a gateway that has just started. kept says how many pages it has.
func throughGateway(b *testing.B) (ask func(int) bool, kept func() int64) {
	b.Helper()
	body := strings.Repeat("0123456789", pageSize/10)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	b.Cleanup(up.Close)
	dir, address, admin := b.TempDir(), freeAddress(b), freeAddress(b)
	_, port, _ := strings.Cut(address, ":")
	text := fmt.Sprintf(`{
	admin %s
	persist_config off
	auto_https off
	log {
		level ERROR
	}
	gateway {
		ledger memory
		store embedded memory
		cache pages {
			max_bytes %dB
			owner_share 100%%
		}
	}
}
http://:%s {
	bind 127.0.0.1
	gateway_cache pages {
		ttl 1h
	}
	reverse_proxy %s
}
`, admin, cacheSize, port, up.Listener.Addr())
	name := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		b.Fatalf("write Caddyfile: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatalf("find test binary: %v", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), configVariable+"="+name, "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	program(b, cmd, address)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	answers := bufio.NewReader(conn)
	ask = func(page int) bool {
		if _, err := fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: gateway.test\r\n\r\n", page); err != nil {
			b.Fatal(err)
		}
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r.Body); n != pageSize || err != nil || r.StatusCode != http.StatusOK {
			b.Fatalf("page %d: status %d, %d bytes, %v", page, r.StatusCode, n, err)
		}
		_ = r.Body.Close()
		return r.Header.Get("X-Cache-Status") == "Hit"
	}
	return ask, func() int64 {
		r, err := http.Get("http://" + admin + "/gateway/cache")
		if err != nil {
			b.Fatal(err)
		}
		defer r.Body.Close()
		var figures struct{ Caches []struct{ Entries int64 } }
		if err := json.NewDecoder(r.Body).Decode(&figures); err != nil || len(figures.Caches) != 1 {
			b.Fatalf("figures of the cache: %+v, %v", figures, err)
		}
		return figures.Caches[0].Entries
	}
}
