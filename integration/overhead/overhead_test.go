// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
)

// demoKey is the key of the one consumer. It is no secret.
const demoKey = "demo-key-not-a-secret"

// config is a site with one host name a chain; {{CHAIN}} is what stands before
// the proxy.
const config = `{
	admin off
	persist_config off
	auto_https off
	log {
		level ERROR
		{{FORMAT}}
	}
	gateway {
		{{LEDGER}}
		{{STORE}}
		group llm
		consumer demo {
			key sha256:6b8111459789699847b4fb8f873ce354fe08912088644bc6f94dbf986fde8236
			groups llm
			allow_ip 192.0.2.0/24
		}
		{{CONSUMERS}}
	}
}
http://gateway.test:8080 {
	{{CHAIN}}
	reverse_proxy upstream.test:80 {
		transport memory
	}
}
`

// chains are the handlers measured, each before the same proxy.
var chains = map[string]string{
	"bare":           "",
	"correlation_id": "correlation_id",
	"request_guard":  "request_guard",
	"key_auth":       "key_auth",
	"key_auth_100k":  "key_auth",
	"encoder":        "",
	"ip_restriction": "ip_restriction {\nallow 192.0.2.0/24\n}",
	"llm_cost":       "llm_cost openai",
	"llm_cost_plain": "llm_cost openai {\nheaders off\n}",
	"acl":            "key_auth\nacl allow llm",
	"header":         "request_header X-A 1",
	// Edits that leave an answer as long as it was.
	"transform_header":   "request_transform {\nremove header X-A\nset header X-B b\n}\nresponse_transform {\nremove header Server\nadd header X-C c\n}",
	"transform_request":  "request_transform {\nremove body stream\nset body user demo\n}",
	"transform_response": "response_transform {\nreplace body created 1790000001\n}",
	"transform_both":     "request_transform {\nremove body stream\nset body user demo\n}\nresponse_transform {\nreplace body created 1790000001\n}",
	"chain":              wholeChain,
	"chain_journal":      wholeChain,
	"quota":              "quota {\n" + threeWindows + "\nby ip\n}",
	"quota_one":          "quota {\nrequests 10000000/min\nby ip\n}",
	"chain_quota":        wholeChain + "\nquota {\n" + threeWindows + "\n}",
	// With counters that survive a kill, and cost that is reserved and settled.
	"chain_quota_journal": wholeChain + "\nquota {\n" + threeWindows + "\n}",
	"chain_budget":        wholeChain + "\nquota {\n" + threeWindows + "\ncost 1000000usd/month\n}",
}

const threeWindows = "requests 10000000/min 100000000/hour 1000000000/day"

const wholeChain = "correlation_id\nrequest_guard\nkey_auth\nip_restriction\nacl allow llm\nllm_cost openai"

// server provisions a chain and returns its HTTP handler. Nothing listens.
func server(tb testing.TB, chain string) http.Handler {
	tb.Helper()
	format := "format gateway json"
	if chain == "bare" || chain == "header" {
		format = "format json"
	}
	more, ledger, store := "", "ledger memory", "store embedded memory"
	switch chain {
	case "key_auth_100k":
		more = "consumers " + manyConsumers(tb, 100_000)
	case "chain_journal":
		ledger = "ledger " + filepath.Join(tb.TempDir(), "ledger")
	case "chain_quota_journal", "chain_budget":
		store = "store embedded " + filepath.Join(tb.TempDir(), "limits")
	}
	text := strings.NewReplacer(
		"{{CHAIN}}", chains[chain], "{{CONSUMERS}}", more, "{{FORMAT}}", format, "{{LEDGER}}", ledger, "{{STORE}}", store,
	).Replace(config)
	return provision(tb, text)
}

// manyConsumers writes a file of n consumers and returns its name.
func manyConsumers(tb testing.TB, n int) string {
	tb.Helper()
	var text bytes.Buffer
	text.WriteString("[")
	for i := range n {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"name":"consumer-%d","keys":["sha256:%x"]}`, i, sha256.Sum256(fmt.Append(nil, i)))
	}
	text.WriteString("]")
	name := filepath.Join(tb.TempDir(), "consumers.json")
	if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
		tb.Fatalf("write consumers: %v", err)
	}
	return name
}

func provision(tb testing.TB, text string) http.Handler {
	tb.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		tb.Fatalf("adapt: %v", err)
	}
	cfg := new(caddy.Config)
	if err := caddy.StrictUnmarshalJSON(adapted, cfg); err != nil {
		tb.Fatalf("decode: %v", err)
	}
	ctx, err := caddy.ProvisionContext(cfg)
	if err != nil {
		tb.Fatalf("provision: %v", err)
	}
	app, err := ctx.App("gateway")
	if err != nil {
		tb.Fatalf("get gateway app: %v", err)
	}
	if err := app.(caddy.App).Start(); err != nil {
		tb.Fatalf("start gateway: %v", err)
	}
	tb.Cleanup(func() {
		if err := app.(caddy.CleanerUpper).Cleanup(); err != nil {
			tb.Errorf("clean up gateway: %v", err)
		}
	})
	if app, err = ctx.App("http"); err != nil {
		tb.Fatalf("get http app: %v", err)
	}
	for _, srv := range app.(*caddyhttp.App).Servers {
		return srv
	}
	tb.Fatal("no server")
	return nil
}

// requestBody is a chat request of 1 KB.
var requestBody = []byte(`{"model":"gpt-4o-mini","stream":false,"max_tokens":300,"messages":[{"role":"system","content":"You answer briefly."},{"role":"user","content":"` +
	strings.Repeat("What is the price of a token? ", 28) + `"}]}`)

// requestLines is a request as client libraries of model providers send it.
var requestLines = strings.ReplaceAll(`POST /v1/chat/completions HTTP/1.1
Host: gateway.test:8080
User-Agent: OpenAI/Go 3.96.0
Content-Length: `+fmt.Sprint(len(requestBody))+`
Accept: application/json
Accept-Encoding: gzip
Authorization: Bearer `+demoKey+`
Content-Type: application/json
X-Stainless-Arch: x64
X-Stainless-Lang: go
X-Stainless-Os: Linux
X-Stainless-Package-Version: 3.96.0
X-Stainless-Retry-Count: 0
X-Stainless-Runtime: go
X-Stainless-Runtime-Version: go1.26.8
X-Stainless-Timeout: {{ANSWER}}

`, "\n", "\r\n")

// batch makes n requests for an answer: "1k", "20k" or "stream". They are read from
// bytes, as a server reads them.
func batch(n int, answer string) []*http.Request {
	text := strings.ReplaceAll(requestLines, "{{ANSWER}}", answer) + string(requestBody)
	requests := make([]*http.Request, n)
	for i := range requests {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			panic(err)
		}
		r.RemoteAddr = "192.0.2.1:1234"
		requests[i] = r
	}
	return requests
}

// sinkWriter takes an answer and remembers its size.
type sinkWriter struct {
	header http.Header
	status int
	bytes  int
}

func (s *sinkWriter) Header() http.Header              { return s.header }
func (s *sinkWriter) WriteHeader(status int)           { s.status = status }
func (s *sinkWriter) Write(p []byte) (int, error)      { s.bytes += len(p); return len(p), nil }
func (s *sinkWriter) FlushError() error                { return nil }
func (s *sinkWriter) SetReadDeadline(time.Time) error  { return nil }
func (s *sinkWriter) SetWriteDeadline(time.Time) error { return nil }
func (s *sinkWriter) EnableFullDuplex() error          { return nil }

// cpuTime is the processor time that this process has used, garbage collection
// included. Other work on the machine stretches the wall clock far more.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatalf("read processor time: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// run serves a batch and returns the processor time it took and the
// allocations made.
func run(tb testing.TB, h http.Handler, requests []*http.Request, size int) (time.Duration, uint64) {
	tb.Helper()
	writers := make([]sinkWriter, len(requests))
	for i := range writers {
		writers[i].header = make(http.Header, 8)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpuTime(tb)
	for i, r := range requests {
		h.ServeHTTP(&writers[i], r)
	}
	took := cpuTime(tb) - start
	runtime.ReadMemStats(&after)
	for i := range writers {
		if writers[i].status != http.StatusOK || writers[i].bytes != size {
			tb.Fatalf("status %d, %d bytes of %d", writers[i].status, writers[i].bytes, size)
		}
	}
	return took, after.Mallocs - before.Mallocs
}

func sizeOf(answer string) int {
	switch answer {
	case "20k":
		return len(completion20K)
	case "200k":
		return len(completion200K)
	case "stream":
		return len(bytes.Join(stream, nil))
	}
	return len(completion1K)
}

// result compares a chain with the bare proxy.
type result struct {
	median float64       // of the ratios of the rounds
	least  float64       // ratio of the quickest rounds, least disturbed by other work
	added  time.Duration // difference of the quickest rounds, a request
	allocs float64       // allocations added, a request
}

// pair compares chain with bare in interleaved rounds. The collector runs
// between rounds and not in them: how often it would run depends on the size of
// the heap, which is not what is compared; bytes and allocations are reported
// apart.
func pair(tb testing.TB, bare, chain http.Handler, answer string, rounds int) result {
	tb.Helper()
	n := 400
	if answer == "stream" {
		n = 60
	}
	size := sizeOf(answer)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var allocs float64
	ratios := make([]float64, 0, rounds)
	least := [2]time.Duration{1 << 62, 1 << 62}
	for i := range rounds + 1 {
		requestsA, requestsB := batch(n, answer), batch(n, answer)
		runtime.GC()
		// Whoever goes first meets the colder cache: take turns.
		var a, b time.Duration
		var allocsA, allocsB uint64
		if i%2 == 0 {
			a, allocsA = run(tb, bare, requestsA, size)
			b, allocsB = run(tb, chain, requestsB, size)
		} else {
			b, allocsB = run(tb, chain, requestsB, size)
			a, allocsA = run(tb, bare, requestsA, size)
		}
		if i == 0 {
			continue // warms pools and caches
		}
		ratios = append(ratios, float64(b)/float64(a))
		least[0], least[1] = min(least[0], a), min(least[1], b)
		allocs = (float64(allocsB) - float64(allocsA)) / float64(n)
	}
	slices.Sort(ratios)
	return result{
		median: ratios[len(ratios)/2],
		least:  float64(least[1]) / float64(least[0]),
		added:  (least[1] - least[0]) / time.Duration(n),
		allocs: allocs,
	}
}

// measured are the chains in the order of the report.
var measured = []string{
	"bare", "header", "encoder", "correlation_id", "request_guard", "key_auth", "key_auth_100k",
	"ip_restriction", "acl", "llm_cost", "llm_cost_plain", "chain", "chain_journal",
	"quota_one", "quota", "chain_quota", "chain_quota_journal", "chain_budget",
	"transform_header", "transform_request", "transform_response", "transform_both",
}

// BenchmarkRatio reports, for each handler and the whole chain, its processor
// time over that of the bare proxy (x-bare: the median of the rounds; x-bare-least:
// of the quickest ones), and what it adds to a request (ns+, allocs+).
func BenchmarkRatio(b *testing.B) {
	bare := server(b, "bare")
	for _, answer := range []string{"1k", "20k", "stream"} {
		for _, name := range measured {
			b.Run(answer+"/"+name, func(b *testing.B) {
				h := server(b, name)
				b.ResetTimer()
				r := pair(b, bare, h, answer, max(40, b.N))
				b.ReportMetric(r.median, "x-bare")
				b.ReportMetric(r.least, "x-bare-least")
				b.ReportMetric(float64(r.added), "ns+")
				b.ReportMetric(r.allocs, "allocs+")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkChain serves each chain alone, for profiles and for counting instructions.
// Requests are made in the loop; "none" only makes them, so that its count can be
// taken off the others.
func BenchmarkChain(b *testing.B) {
	for _, answer := range []string{"1k", "20k", "200k", "stream"} {
		for _, name := range append([]string{"none"}, measured...) {
			b.Run(answer+"/"+name, func(b *testing.B) {
				serve := func(http.ResponseWriter, *http.Request) {}
				size := 0
				if name != "none" {
					serve, size = server(b, name).ServeHTTP, sizeOf(answer)
				}
				b.ReportAllocs()
				var requests []*http.Request
				for b.Loop() {
					if len(requests) == 0 {
						b.StopTimer()
						requests = batch(100, answer)
						b.StartTimer()
					}
					r := requests[0]
					requests = requests[1:]
					w := &sinkWriter{header: make(http.Header, 8)}
					serve(w, r)
					if w.bytes != size {
						b.Fatalf("status %d, %d bytes", w.status, w.bytes)
					}
				}
			})
		}
	}
}

// The chains of the benchmark answer as they should, so that it measures what
// it says.
func TestChainsAnswer(t *testing.T) {
	for name := range chains {
		h := server(t, name)
		for _, answer := range []string{"1k", "20k", "stream"} {
			run(t, h, batch(2, answer), sizeOf(answer))
		}
	}
	w := httptest.NewRecorder()
	r := batch(1, "1k")[0]
	r.Header.Del("Authorization")
	server(t, "chain").ServeHTTP(w, r)
	if body, _ := io.ReadAll(w.Body); w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: status %d, %s", w.Code, body)
	}
}

// The whole chain may make at most 40 allocations more than the proxy alone with
// the same log encoder. Unlike times, allocations can be tested for.
func TestChainAllocations(t *testing.T) {
	const most = 40
	plain, chain := server(t, "encoder"), server(t, "chain")
	for _, answer := range []string{"1k", "20k", "stream"} {
		if r := pair(t, plain, chain, answer, 3); r.allocs > most {
			t.Errorf("%s: the chain adds %.1f allocations a request, more than %d", answer, r.allocs, most)
		}
	}
}
