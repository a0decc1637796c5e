// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// leaving is the writer of a client that leaves after so many bytes of the body.
type leaving struct {
	http.ResponseWriter
	after int
}

func (l *leaving) Unwrap() http.ResponseWriter { return l.ResponseWriter }
func (l *leaving) Write(p []byte) (int, error) {
	n, err := l.ResponseWriter.Write(p[:min(len(p), l.after)])
	if l.after -= n; n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, err
}

// hinting keeps informational headers from a recorder, which knows none.
type hinting struct{ http.ResponseWriter }

func (h hinting) Unwrap() http.ResponseWriter { return h.ResponseWriter }
func (h hinting) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
	}
}

// passing is a writer of another handler.
type passing struct{ http.ResponseWriter }

func (p passing) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// errBug is what a handler panics with that is broken itself.
var errBug = errors.New("a bug")

// copied writes as reverse_proxy does: it flushes each piece, and breaks the
// connection if it cannot write.
func copied(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", sseType)
	w.WriteHeader(http.StatusOK)
	for _, e := range events {
		if _, err := io.WriteString(w, e); err != nil {
			panic(http.ErrAbortHandler)
		}
		_ = http.NewResponseController(w).Flush()
	}
}

// However a request ends, there is exactly one record of it, and the metrics agree.
func TestEveryEndingIsRecordedOnce(t *testing.T) {
	t.Parallel()
	const document = `{"model":"gpt-4o-mini","choices":[],"usage":` + saidUsage + `}`
	events := chunks("chat.completion.chunk", true)
	full := strings.Join(events, "")
	const saysSomething = `{"model":"gpt-4o-mini",` + messages + `}`
	call := func(w http.ResponseWriter, status int) {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, document)
	}
	tests := map[string]struct {
		method, path string // default: POST to chatPath
		request      string // default: a streamed call that asks for usage
		leaves       int    // the client does after so many bytes
		next         func(rt *route, w http.ResponseWriter, r *http.Request) error
		failed       int64
		exact        int64
		estimated    int64
		unknown      int64
		broken       bool
		bug          bool
		returns      bool // the error of the chain
	}{
		"complete stream": {
			next:  func(_ *route, w http.ResponseWriter, _ *http.Request) error { copied(w, events...); return nil },
			exact: 1,
		},
		"complete document": {
			next:  func(_ *route, w http.ResponseWriter, _ *http.Request) error { call(w, 200); return nil },
			exact: 1,
		},
		"more after the end": {
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				copied(w, full, full, ": bye\n\n")
				return nil
			},
			exact: 1,
		},
		"client leaves in the stream": {
			leaves: 400, broken: true, failed: 1, estimated: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error { copied(w, events...); return nil },
		},
		"client leaves at the last event": {
			leaves: len(full) - 5, broken: true, exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error { copied(w, events...); return nil },
		},
		"client leaves, and nobody notices": {
			leaves: 400, exact: 1, // the upstream has said it all
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				answer(sseType, full)(w, nil)
				return nil
			},
		},
		"client leaves, and the error is returned": {
			leaves: 400, failed: 1, estimated: 1, returns: true,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", sseType)
				for _, e := range events {
					if _, err := io.WriteString(w, e); err != nil {
						return err
					}
				}
				return nil
			},
		},
		"upstream breaks the stream": {
			broken: true, failed: 1, estimated: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				copied(w, events[:3]...)
				panic(http.ErrAbortHandler)
			},
		},
		"upstream breaks after the end": {
			broken: true, exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				copied(w, events...)
				panic(http.ErrAbortHandler)
			},
		},
		"upstream breaks before the header": {
			broken: true,
			next:   func(*route, http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) },
		},
		"upstream breaks a held document": {
			request: saysSomething, broken: true, failed: 1, estimated: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				answer(jsonType, document[:60])(w, nil)
				panic(http.ErrAbortHandler)
			},
		},
		"upstream ends the stream too soon": {
			broken: true, failed: 1, estimated: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error { copied(w, events[:3]...); return nil },
		},
		"a bug in the stream": {
			bug: true, failed: 1, estimated: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				copied(w, events[:3]...)
				panic(errBug)
			},
		},
		"a bug before the header": {
			bug:  true,
			next: func(*route, http.ResponseWriter, *http.Request) error { panic(errBug) },
		},
		"an error in the stream, returned": {
			failed: 1, estimated: 1, returns: true,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				copied(w, events[:3]...)
				return errBug
			},
		},
		"hints before the header": {
			exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusProcessing)
				copied(w, events...)
				return nil
			},
		},
		"the header twice": {
			exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", sseType)
				w.WriteHeader(http.StatusOK)
				w.WriteHeader(http.StatusBadGateway)
				_, err := io.WriteString(w, full)
				return err
			},
		},
		"the header twice, held": {
			request: plainRequest, exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", jsonType)
				w.WriteHeader(http.StatusOK)
				call(w, http.StatusBadGateway)
				return nil
			},
		},
		"copied by io.Copy": {
			exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", sseType)
				w.WriteHeader(http.StatusOK)
				_, err := io.Copy(w, strings.NewReader(full))
				return err
			},
		},
		"of announced length": {
			exact: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Length", "93")
				call(w, http.StatusOK)
				return nil
			},
		},
		"no content": {
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusNoContent)
				return nil
			},
		},
		"not modified": {
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusNotModified)
				return nil
			},
		},
		"nothing written": {
			next: func(*route, http.ResponseWriter, *http.Request) error { return nil },
		},
		"a redirection": {
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error { call(w, http.StatusFound); return nil },
		},
		"refused by the upstream": {
			failed: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				call(w, http.StatusTooManyRequests)
				return nil
			},
		},
		"denied further in": {
			failed: 1,
			next: func(*route, http.ResponseWriter, *http.Request) error {
				return state.Deny(429, "rate_limited", "Slow down.")
			},
		},
		"no upstream": {
			failed: 1,
			next: func(*route, http.ResponseWriter, *http.Request) error {
				return caddyhttp.Error(http.StatusBadGateway, errors.New("refused"))
			},
		},
		"an error that takes the place of a held answer": {
			request: saysSomething, failed: 1, estimated: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				answer(jsonType, document[:60])(w, nil)
				return caddyhttp.Error(http.StatusBadGateway, errors.New("cut"))
			},
		},
		"HEAD": {
			method: http.MethodHead,
			next:   func(_ *route, w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(200); return nil },
		},
		"a list of models": {
			method: http.MethodGet, path: "/v1/models",
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error { call(w, 200); return nil },
		},
		"a WebSocket": {
			method: http.MethodGet, path: "/v1/realtime?model=gpt-realtime", unknown: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusSwitchingProtocols)
				return nil
			},
		},
		"a WebSocket that is refused": {
			method: http.MethodGet, path: "/v1/realtime?model=gpt-realtime", failed: 1,
			next: func(_ *route, w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(400); return nil },
		},
		"metered by two handlers": {
			exact: 1,
			next: func(rt *route, w http.ResponseWriter, r *http.Request) error {
				return rt.handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					copied(w, events...)
					return nil
				}))
			},
		},
	}
	for name, tc := range tests {
		for place, between := range map[string]func(http.ResponseWriter) http.ResponseWriter{
			"":                          nil,
			", behind another's writer": func(w http.ResponseWriter) http.ResponseWriter { return passing{w} },
		} {
			t.Run(name+place, func(t *testing.T) {
				t.Parallel()
				rt := newRoute(t, &Handler{Provider: "openai"}, nil)
				rt.between, rt.tolerant = between, tc.returns
				reserved := &asker{limits: []int64{0}}
				rt.waiter = reserved
				rt.client = func(w http.ResponseWriter) http.ResponseWriter {
					if w = (hinting{w}); tc.leaves > 0 {
						w = &leaving{w, tc.leaves}
					}
					return w
				}
				rt.next = func(w http.ResponseWriter, r *http.Request) error { return tc.next(rt, w, r) }
				method, path, request := tc.method, tc.path, tc.request
				if method == "" {
					method = http.MethodPost
				}
				if path == "" {
					path = chatPath
				}
				if request == "" {
					request = streamRequest
				}
				if method != http.MethodPost {
					request = ""
				}
				if strings.HasPrefix(path, "/v1/realtime") {
					rt.header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
				}
				func() {
					defer func() {
						p, _ := recover().(error)
						if tc.bug != errors.Is(p, errBug) {
							t.Errorf("panic %v", p)
						}
					}()
					rt.do(method, path, jsonType, request)
				}()
				row := rt.agreed()
				if row.Requests != 1 {
					t.Fatalf("%d records", row.Requests)
				}
				failed := row.Failed
				if rt.last.Status() == 0 { // without a status it is the metrics that say so
					failed = 0
					if n := rt.metrics()("requests_total", "code", "aborted"); n != 1 {
						t.Errorf("%v requests without an answer", n)
					}
				}
				if failed != tc.failed || row.Exact != tc.exact || row.Estimated != tc.estimated || row.PriceUnknown != tc.unknown {
					t.Errorf("failed %d, exact %d, estimated %d, unknown %d; want %d, %d, %d, %d", failed, row.Exact, row.Estimated, row.PriceUnknown,
						tc.failed, tc.exact, tc.estimated, tc.unknown)
				}
				if tc.exact == 1 && row.Counts.Total() != 24 {
					t.Errorf("counts %v", row.Counts)
				}
				// What was reserved for the call is settled by these.
				llm := &rt.last.LLM
				if used := tc.exact+tc.estimated > 0; llm.Metered != (used || tc.unknown > 0) || llm.PriceKnown != used || (llm.Cost > 0) != used || llm.Report.Counts.IsZero() == used {
					t.Errorf("metered %v, price known %v, cost %s, counts %v", llm.Metered, llm.PriceKnown, llm.Cost, llm.Report.Counts)
				}
				if llm.Cost > reserved.bound.Cost || llm.Report.Counts.TotalInput() > reserved.bound.Input || llm.Report.Counts.TotalOutput() > reserved.bound.Output {
					t.Errorf("cost %s, counts %v; at most %+v", llm.Cost, llm.Report.Counts, reserved.bound)
				}
				if _, ok := llm.Bounder.(*meter); ok {
					t.Error("the bounder outlives the request")
				}
				if rt.broken != tc.broken {
					t.Errorf("the connection is broken: %v", rt.broken)
				}
				if n := rt.app.Live().Len(); n != 0 {
					t.Errorf("%d requests are still being served", n)
				}
			})
		}
	}
}
