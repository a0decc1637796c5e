// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_900_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// memory is a store of records that can be switched off, and counts what it is asked.
type memory struct {
	clock *clock

	mu    sync.Mutex
	off   bool
	full  bool
	asked map[string]int
	all   map[string]records.Record
}

func newMemory(c *clock) *memory {
	return &memory{clock: c, asked: map[string]int{}, all: map[string]records.Record{}}
}

// begin locks the store, and notes what it is asked.
func (m *memory) begin(what string) error {
	m.mu.Lock()
	m.asked[what]++
	if m.off {
		return records.ErrUnavailable
	}
	now := m.clock.Now()
	maps.DeleteFunc(m.all, func(_ string, r records.Record) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) })
	return nil
}

func (m *memory) set(off, full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off, m.full = off, full
}

func (m *memory) count(what string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[what]
}

func (m *memory) put(key string, value []byte, ttl time.Duration) error {
	if err := records.Check(key, value, ttl); err != nil {
		return err
	}
	if m.full {
		return records.ErrFull
	}
	r := records.Record{Key: key, Value: slices.Clone(value)}
	if ttl > 0 {
		r.Expires = m.clock.Now().Add(ttl)
	}
	m.all[key] = r
	return nil
}

func (m *memory) Put(_ context.Context, key string, value []byte, ttl time.Duration) error {
	defer m.mu.Unlock()
	if err := m.begin("put"); err != nil {
		return err
	}
	return m.put(key, value, ttl)
}

func (m *memory) Add(_ context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	defer m.mu.Unlock()
	if err := m.begin("add"); err != nil {
		return false, err
	}
	if _, there := m.all[key]; there {
		return false, nil
	}
	err := m.put(key, value, ttl)
	return err == nil, err
}

func (m *memory) Get(_ context.Context, key string) ([]byte, bool, error) {
	defer m.mu.Unlock()
	if err := m.begin("get"); err != nil {
		return nil, false, err
	}
	r, ok := m.all[key]
	return slices.Clone(r.Value), ok, nil
}

func (m *memory) Take(ctx context.Context, key string) ([]byte, bool, error) {
	value, found, err := m.Get(ctx, key)
	if err == nil {
		err = m.Delete(ctx, key)
	}
	return value, found, err
}

func (m *memory) Delete(_ context.Context, key string) error {
	defer m.mu.Unlock()
	if err := m.begin("delete"); err != nil {
		return err
	}
	delete(m.all, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) ([]records.Record, error) {
	defer m.mu.Unlock()
	if err := m.begin("list"); err != nil {
		return nil, err
	}
	var list []records.Record
	for _, name := range slices.Sorted(maps.Keys(m.all)) {
		if strings.HasPrefix(name, prefix) {
			list = append(list, m.all[name])
		}
	}
	return list, nil
}

const (
	issuer     = "https://gw.example.com"
	demoSecret = "demo-secret-not-a-secret"
	strange    = "demo+secret %/not a secret"
)

// crowd is the consumers of the tests.
func crowd(tb testing.TB, more ...consumers.Spec) *consumers.Table {
	tb.Helper()
	hashed := func(s string) string { return apikey.Hash(s).String() }
	table, err := consumers.Build(append([]consumers.Spec{
		{Name: "batch", Clients: []consumers.ClientSpec{
			{ID: "batch-1", Secrets: []string{hashed(demoSecret)}, Scopes: []string{"chat", "embed"}},
			{ID: "batch-2", Secrets: []string{hashed(strange)}},
		}},
		{Name: "other", Clients: []consumers.ClientSpec{{ID: "other", Secrets: []string{hashed("demo-secret-of-other")}}, {ID: "silent"}}},
	}, more...), consumers.BuildOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

// newServer makes a server on a store and a clock.
func newServer(tb testing.TB, c *clock, store records.Store, change ...func(*Config)) *Server {
	tb.Helper()
	config := Config{Issuer: issuer}
	for _, f := range change {
		f(&config)
	}
	s, err := New(config, crowd(tb), func() records.Store { return store })
	if err != nil {
		tb.Fatal(err)
	}
	s.now = c.Now
	return s
}

// call is a request to an endpoint.
type call struct {
	basic  [2]string // id and secret, sent as they are
	form   url.Values
	header http.Header
	query  string
	body   string // in place of form
}

// ask sends a request to an endpoint.
func ask(tb testing.TB, s *Server, e Endpoint, c call) (*httptest.ResponseRecorder, Outcome) {
	tb.Helper()
	method, body := http.MethodGet, ""
	if e.Posts() {
		method, body = http.MethodPost, c.form.Encode()
		if c.body != "" {
			body = c.body
		}
	}
	r := httptest.NewRequestWithContext(tb.Context(), method, s.paths[e]+c.query, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.basic[0] != "" {
		r.SetBasicAuth(c.basic[0], c.basic[1])
	}
	maps.Copy(r.Header, c.header)
	w := httptest.NewRecorder()
	outcome, err := s.Serve(w, r, e, []byte(body))
	if err != nil {
		tb.Fatalf("serve: %v", err)
	}
	return w, outcome
}

// token gets an access token, which must be given.
func token(tb testing.TB, s *Server, scope string) string {
	tb.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != "" {
		form.Set("scope", scope)
	}
	w, _ := ask(tb, s, TokenEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: form})
	if w.Code != http.StatusOK {
		tb.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return decode[answerBody](tb, w).AccessToken
}

type answerBody struct {
	AccessToken string  `json:"access_token"`
	TokenType   string  `json:"token_type"`
	ExpiresIn   int     `json:"expires_in"`
	Scope       *string `json:"scope"`
	Error       string  `json:"error"`
	Description string  `json:"error_description"`
}

func decode[T any](tb testing.TB, w *httptest.ResponseRecorder) (v T) {
	tb.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		tb.Fatalf("body %s: %v", w.Body, err)
	}
	return v
}

// Interface guards
var _ records.Store = (*memory)(nil)
