// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// kind is one sort of request.
type kind struct {
	name   string
	weight int
	// method and path are of the request; body is its content, made anew for each.
	method, path string
	body         func(r *rand.Rand) string
	header       [][2]string
	// want are the statuses that it may have.
	want []int // the first of them has to occur
	// limits name what it counts for if it is admitted, and may be refused because of.
	limits []string
	// hits is the least share of its answers that have to come from the cache.
	hits float64
	// check returns what is wrong with a complete answer of 200, if something is.
	check func(request, answer string) string
	// leave has the client leave: within the answer, or within its own request.
	leaveAnswer, leaveRequest bool
}

// figures are what came of the requests of a kind.
type figures struct {
	statuses map[int]int
	cache    map[string]int
	took     []time.Duration // of those that were not refused
	refused  []time.Duration
}

// system is an example under traffic.
type system struct {
	process *process
	kinds   []kind
	limits  map[string]*limit

	client   *http.Client
	mu       sync.Mutex
	figures  map[string]*figures
	refusals []refusal
	offered  int // requests that were to be made
	skipped  int // those of them for which the machine had no room
	problems map[string]int
}

func newSystem(p *process, kinds []kind, limits []limit) *system {
	s := &system{
		process: p, kinds: kinds, limits: make(map[string]*limit), figures: make(map[string]*figures), problems: make(map[string]int),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}},
	}
	for i := range limits {
		s.limits[limits[i].name] = &limits[i]
	}
	for _, k := range kinds {
		s.figures[k.name] = &figures{statuses: make(map[int]int), cache: make(map[string]int)}
	}
	return s
}

// run makes requests until the context ends, at most as many a second as rate says.
func (s *system) run(ctx context.Context, rate int, seed uint64) {
	var deck []*kind
	for i := range s.kinds {
		for range s.kinds[i].weight {
			deck = append(deck, &s.kinds[i])
		}
	}
	r := rand.New(rand.NewPCG(seed, 1))
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	room := make(chan struct{}, 200) // requests in flight
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.offered++
		k, own := deck[r.IntN(len(deck))], rand.New(rand.NewPCG(r.Uint64(), 2))
		select {
		case room <- struct{}{}:
		default:
			s.skipped++ // the machine cannot do more
			continue
		}
		all.Go(func() {
			s.one(context.WithoutCancel(ctx), k, own)
			<-room
		})
	}
}

// one makes a request.
func (s *system) one(ctx context.Context, k *kind, r *rand.Rand) {
	body := ""
	if k.body != nil {
		body = k.body(r)
	}
	if k.leaveRequest {
		s.leave(ctx, k, body)
		return
	}
	request, err := http.NewRequestWithContext(ctx, k.method, s.process.url+k.path, strings.NewReader(body))
	if err != nil {
		s.problem("%s: %v", k.name, err)
		return
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, h := range k.header {
		request.Header.Add(h[0], h[1])
	}
	began := time.Now()
	answer, err := s.client.Do(request)
	if err != nil {
		s.problem("%s: no answer", k.name)
		return
	}
	defer answer.Body.Close()
	var content []byte
	if k.leaveAnswer && answer.StatusCode == http.StatusOK {
		_, err = io.ReadFull(answer.Body, make([]byte, 100))
	} else {
		content, err = io.ReadAll(answer.Body)
	}
	ended := time.Now()
	if err != nil {
		s.problem("%s: the answer breaks off", k.name)
	}
	if !slices.Contains(k.want, answer.StatusCode) {
		s.problem("%s: status %d: %.200s", k.name, answer.StatusCode, content)
	}
	if id := answer.Header.Get("X-Correlation-ID"); id == "" && answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		s.problem("%s: status %d without a correlation id", k.name, answer.StatusCode)
	}
	if answer.StatusCode == http.StatusOK && k.check != nil && !k.leaveAnswer {
		if wrong := k.check(body, string(content)); wrong != "" {
			s.problem("%s: %s", k.name, wrong)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.figures[k.name]
	f.statuses[answer.StatusCode]++
	if status := answer.Header.Get("X-Cache-Status"); status != "" {
		f.cache[status]++
	}
	if answer.StatusCode == http.StatusTooManyRequests && slices.Contains(k.want, answer.StatusCode) {
		s.refusals = append(s.refusals, refusal{span{began, ended}, k.limits})
	}
	if answer.StatusCode != http.StatusOK {
		f.refused = append(f.refused, ended.Sub(began))
		return
	}
	if !k.leaveAnswer {
		f.took = append(f.took, ended.Sub(began))
	}
	for _, name := range k.limits {
		l := s.limits[name]
		l.admitted = append(l.admitted, span{began, ended})
	}
}

// leave sends half of a request and closes the connection.
func (s *system) leave(ctx context.Context, k *kind, body string) {
	began := time.Now()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.process.url, "http://"))
	if err != nil {
		s.problem("%s: %v", k.name, err)
		return
	}
	defer c.Close()
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", k.method, k.path, len(body))
	for _, h := range k.header {
		fmt.Fprintf(&text, "%s: %s\r\n", h[0], h[1])
	}
	fmt.Fprintf(&text, "\r\n%s", body[:len(body)/2])
	_, _ = c.Write(text.Bytes()) // it may have been refused already
	s.mu.Lock()
	s.figures[k.name].statuses[0]++
	for _, name := range k.limits {
		// The gateway may be at it long after this.
		s.limits[name].uncertain = append(s.limits[name].uncertain, span{began, began.Add(patience)})
	}
	s.mu.Unlock()
}

func (s *system) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	s.problems[text]++
	s.mu.Unlock()
}
