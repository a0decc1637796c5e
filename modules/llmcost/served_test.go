// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	wholeRequest = `{"model":"gpt-4o-mini",` + messages + `}`
	document     = `{"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":` + saidUsage + `}`
	savedByHit   = money.Amount(4_950_000)
)

// stored is the answer of a response cache.
type stored struct {
	status state.CacheStatus
	media  string
	coding string
	code   int
	pieces []string
	sized  bool // its length is announced
}

// cached makes next a response cache that gives an answer, as one does that settles
// before the last piece.
func (rt *route) cached(s stored) {
	rt.next = func(w http.ResponseWriter, r *http.Request) error {
		rq := state.Of(r)
		rq.Cache = state.Cache{Name: "default", Status: s.status, Saved: savedByHit, SavedKnown: s.status != state.CacheMiss}
		h := w.Header()
		h.Set("Content-Type", s.media)
		if s.coding != "" {
			h.Set("Content-Encoding", s.coding)
		}
		// What an earlier answer was told has no meaning here.
		h.Set(headerCost, "12")
		h.Set(headerInput, "34")
		h.Set(headerEstimated, "o200k_base")
		if s.sized {
			h.Set("Content-Length", strconv.Itoa(len(strings.Join(s.pieces, ""))))
		}
		if s.code != 0 {
			w.WriteHeader(s.code)
		}
		for i, p := range s.pieces {
			if i == len(s.pieces)-1 && s.status != state.CacheMiss {
				rq.Settle()
			}
			if _, err := io.WriteString(w, p); err != nil {
				return err
			}
		}
		return nil
	}
}

// hits is the row of some hits and nothing else.
func hits(n int64) (w ledger.Row) {
	w.Requests, w.CacheHits = n, n
	for range n {
		w.Avoided.Add(savedByHit)
	}
	return w
}

// checkRow compares the row of the route, whenever that was.
func (rt *route) checkRow(want ledger.Row) {
	rt.t.Helper()
	row := rt.agreed()
	want.First, want.Last = row.First, row.Last
	if row != want {
		rt.t.Errorf("row %+v\nwant %+v", row, want)
	}
}

// What a response cache answers costs nothing, is a hit of the model that was asked
// for, and passes as it is but for what only the gateway has asked for.
func TestAnswersOfAResponseCache(t *testing.T) {
	t.Parallel()
	const streaming, asked = `{"model":"gpt-4o-mini","stream":true}`, `{"model":"gpt-4o-mini",` + asking + `,"stream":true}`
	events := chunks("chat.completion.chunk", true)
	whole := strings.Join(events, "")
	filtered := strings.Join(chunks("chat.completion.chunk", false), "")
	cut := events[:3]
	for name, tc := range map[string]struct {
		handler Handler
		path    string
		request string
		stored  stored
		body    string // "" if it is the stored one
		cost    string // of the header
		model   string
	}{
		"a document":               {request: wholeRequest, stored: stored{media: jsonType, pieces: []string{document}, sized: true}, cost: "0"},
		"of unknown length":        {request: wholeRequest, stored: stored{media: jsonType, pieces: []string{document}}, cost: "0"},
		"in pieces":                {request: wholeRequest, stored: stored{media: jsonType, pieces: pieces(document, 9), sized: true}, cost: "0"},
		"stale":                    {request: wholeRequest, stored: stored{status: state.CacheStale, media: jsonType, pieces: []string{document}}, cost: "0"},
		"coalesced":                {request: wholeRequest, stored: stored{status: state.CacheCoalesced, media: jsonType, pieces: []string{document}}, cost: "0"},
		"compressed":               {request: wholeRequest, stored: stored{media: jsonType, coding: "gzip", pieces: []string{string(compress(t, document))}}, cost: "0"},
		"in an unreadable coding":  {request: wholeRequest, stored: stored{media: jsonType, coding: "x-demo", pieces: []string{"?"}}, cost: "0"},
		"headers off":              {handler: Handler{HeadersOff: true}, request: wholeRequest, stored: stored{media: jsonType, pieces: []string{document}}},
		"another media type":       {request: wholeRequest, stored: stored{media: "text/plain", pieces: []string{"hello"}}},
		"no content":               {request: wholeRequest, stored: stored{media: jsonType, code: http.StatusNoContent}},
		"not asked for usage":      {request: streaming, stored: stored{media: sseType, pieces: events}, body: filtered},
		"with its length":          {request: streaming, stored: stored{media: sseType, pieces: events, sized: true}, body: filtered},
		"in odd pieces":            {request: streaming, stored: stored{media: sseType, pieces: pieces(whole, 7)}, body: filtered},
		"coalesced stream":         {request: streaming, stored: stored{status: state.CacheCoalesced, media: sseType, pieces: events}, body: filtered},
		"asked for usage":          {request: asked, stored: stored{media: sseType, pieces: events}},
		"ask_usage off":            {handler: Handler{AskUsageOff: true}, request: streaming, stored: stored{media: sseType, pieces: events}},
		"a compressed stream":      {request: streaming, stored: stored{media: sseType, coding: "gzip", pieces: []string{string(compress(t, whole))}}},
		"a stream without its end": {request: asked, stored: stored{media: sseType, pieces: cut}},
		"a document for a stream":  {request: streaming, stored: stored{media: jsonType, pieces: []string{document}}},
		"lines":                    {handler: Handler{Provider: "ollama"}, path: "/api/chat", request: `{"model":"llama3.2"}`, stored: stored{media: lineType, pieces: []string{`{"model":"llama3.2","done":true}` + "\n"}}, model: "_other"},
		"messages":                 {handler: Handler{Provider: "anthropic"}, path: "/v1/messages", request: `{"model":"claude-opus-4-5"}`, stored: stored{media: jsonType, pieces: []string{`{"model":"claude-opus-4-5","usage":{"input_tokens":5,"output_tokens":1}}`}}, cost: "0", model: "claude-opus-4-5"},
		"a model without a price":  {request: `{"model":"demo-model"}`, stored: stored{media: jsonType, pieces: []string{document}}, cost: "0", model: "_other"},
		"no model":                 {request: `{"input":"x"}`, stored: stored{media: jsonType, pieces: []string{document}}, cost: "0", model: "-"},
		"an upload":                {path: "/v1/audio/transcriptions", stored: stored{media: jsonType, pieces: []string{document}}, model: "_other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tc.handler
			if h.Provider == "" {
				h.Provider = "openai"
			}
			rt := newRoute(t, &h, nil)
			if tc.stored.status == "" {
				tc.stored.status = state.CacheHit
			}
			rt.cached(tc.stored)
			path := tc.path
			if path == "" {
				path = chatPath
			}
			contentType := jsonType
			if tc.request == "" {
				contentType = "multipart/form-data; boundary=x"
			}
			w := rt.post(path, contentType, tc.request)
			body := tc.body
			if body == "" {
				body = strings.Join(tc.stored.pieces, "")
			}
			if w.Body.String() != body || rt.broken {
				t.Errorf("broken %v, the client got\n%q\nwant\n%q", rt.broken, w.Body, body)
			}
			if got := w.Header().Get(headerCost); got != tc.cost {
				t.Errorf("the cost is %q, want %q", got, tc.cost)
			}
			if length := w.Header().Get("Content-Length"); tc.stored.sized && (length != "") != (tc.body == "") {
				t.Errorf("Content-Length %q", length)
			}
			for _, name := range []string{headerInput, headerOutput, headerEstimated} {
				if v, ok := w.Header()[name]; ok {
					t.Errorf("%s: %q", name, v)
				}
			}
			rt.checkRow(hits(1))
			if llm := &rt.last.LLM; llm.Metered || llm.PriceKnown || llm.Cost != 0 || llm.Estimated || llm.Truncated || !llm.Report.Counts.IsZero() {
				t.Errorf("the call is %+v", llm)
			}
			model := tc.model
			switch model {
			case "":
				model = "gpt-4o-mini"
			case "-":
				model = ""
			}
			if rt.last.LLM.Label != model {
				t.Errorf("it is recorded as %q, want %q", rt.last.LLM.Label, model)
			}
		})
	}
}

// Nothing of a call that was metered is left in one that a cache answers, and the
// other way round: meters are used again.
func TestHitsAmongCalls(t *testing.T) {
	t.Parallel()
	rt := newRoute(t, &Handler{Provider: "openai"}, answer(sseType, strings.Join(chunks("chat.completion.chunk", true), "")))
	call := func() {
		rt.next = nil
		rt.post(chatPath, jsonType, `{"model":"gpt-4o-mini","stream":true}`)
	}
	call()
	want := rt.row()
	if want.Exact != 1 || want.Counts.Total() != 24 || want.CacheHits != 0 {
		t.Fatalf("the first call is %+v", want)
	}
	single := want
	for range 3 {
		rt.cached(stored{status: state.CacheHit, media: jsonType, pieces: []string{document}})
		rt.post(chatPath, jsonType, wholeRequest)
		hit := hits(1)
		want.Add(&hit)
		call()
		want.Add(&single)
	}
	rt.checkRow(want)
}

// A cache that asks the upstream changes nothing.
func TestMissesAreMetered(t *testing.T) {
	t.Parallel()
	for _, status := range []state.CacheStatus{state.CacheMiss, state.CacheBypass, state.CacheRevalidated} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, nil)
			rt.next = func(w http.ResponseWriter, r *http.Request) error {
				state.Of(r).Cache = state.Cache{Name: "default", Status: status, Reason: "demo"}
				answer(jsonType, document)(w, r)
				return nil
			}
			w := rt.post(chatPath, jsonType, wholeRequest)
			row := rt.agreed()
			if row.Exact != 1 || row.CacheHits != 0 || row.Counts.Total() != 24 || w.Header().Get(headerCost) != row.Cost.String() || w.Header().Get(headerInput) != "21" {
				t.Errorf("headers %v, row %+v", w.Header(), row)
			}
		})
	}
}

// A client that leaves is charged nothing for what no upstream was asked for.
func TestHitsThatAreNotDelivered(t *testing.T) {
	t.Parallel()
	gone := errors.New("the client is gone")
	begun := hits(1)
	begun.Failed = 1
	for name, tc := range map[string]struct {
		begun bool // the answer was
		err   error
		want  ledger.Row
	}{
		"before the answer":   {err: caddyhttp.Error(http.StatusBadGateway, gone), want: ledger.Row{Requests: 1, Failed: 1}},
		"within the answer":   {begun: true, err: gone, want: begun},
		"as the proxy says":   {err: caddyhttp.Error(state.StatusClientClosed, context.Canceled), want: ledger.Row{Requests: 1, Failed: 1}},
		"broken by the cache": {begun: true, want: begun},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, nil)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			rt.context = ctx
			rt.next = func(w http.ResponseWriter, r *http.Request) error {
				if _, err := io.Copy(io.Discard, r.Body); err != nil { // as if it were sent
					return err
				}
				state.Of(r).Cache = state.Cache{Name: "default", Status: state.CacheHit, Saved: savedByHit, SavedKnown: true}
				if tc.begun {
					answer(sseType, chunks("chat.completion.chunk", true)[1])(w, r)
				}
				leave()
				if tc.err == nil {
					panic(http.ErrAbortHandler)
				}
				return tc.err
			}
			rt.tolerant = true
			rt.post(chatPath, jsonType, streamRequest)
			rt.checkRow(tc.want)
		})
	}
}

// BenchmarkHit is what a hit costs more than passing it on.
func BenchmarkHit(b *testing.B) {
	m := &meter{handler: &Handler{}, rq: &state.Request{Cache: state.Cache{Status: state.CacheHit}}}
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		h["Content-Type"] = jsonContent
		m.ResponseHeader(http.StatusOK, h)
	}
}

var jsonContent = []string{jsonType}

// observed is a client that looks into the ledger when it has its last byte.
type observed struct {
	http.ResponseWriter
	rt   *route
	last byte
	row  ledger.Row
}

func (o *observed) Write(p []byte) (int, error) {
	if len(p) > 0 && p[len(p)-1] == o.last {
		o.row = o.rt.row()
	}
	return o.ResponseWriter.Write(p)
}

func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Hits are recorded before their last byte as calls are: where the length is announced,
// and where the cache settles. Otherwise nobody knows which byte is the last.
func TestHitsAreRecordedBeforeTheirLastByte(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sized, settles bool
		want           int64
	}{"of known length": {sized: true, want: 1}, "settled by the cache": {settles: true, want: 1}, "neither": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, nil)
			client := &observed{rt: rt, last: '.'}
			rt.client = func(w http.ResponseWriter) http.ResponseWriter {
				client.ResponseWriter = w
				return client
			}
			rt.next = func(w http.ResponseWriter, r *http.Request) error {
				rq := state.Of(r)
				rq.Cache = state.Cache{Name: "default", Status: state.CacheHit, Saved: savedByHit, SavedKnown: true}
				w.Header().Set("Content-Type", sseType)
				if tc.sized {
					w.Header().Set("Content-Length", "4")
				}
				for _, p := range []string{"a", "b", "c", "."} {
					if tc.settles && p == "." {
						rq.Settle()
					}
					if _, err := io.WriteString(w, p); err != nil {
						return err
					}
				}
				return nil
			}
			rt.post(chatPath, jsonType, `{"model":"gpt-4o-mini",`+asking+`,"stream":true}`)
			if client.row.CacheHits != tc.want {
				t.Errorf("with its last byte the client finds %+v", client.row)
			}
			rt.checkRow(hits(1))
		})
	}
}
