// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	chatPath   = "/v1/chat/completions"
	chatBody   = `{"model":"m","messages":[{"role":"user","content":"a b c d"}]}`
	chatStream = `{"model":"m","stream":true,"messages":[{"role":"user","content":"a b c d"}]}`
)

func TestFailEvery(t *testing.T) {
	t.Parallel()
	srv := mock(t, "fail 503 every 3")
	var got []int
	for range 7 {
		got = append(got, post(t, srv, chatPath, chatBody).status)
		do(t, srv, http.MethodGet, "/models", "").ok(t) // neither fails nor counts
	}
	if want := []int{200, 200, 503, 200, 200, 503, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFailShapes(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, path string
		status     int
		want       string
	}{
		{"openai", chatPath, 429, `{"error":{"message":"this failure is simulated","type":"rate_limit_error","param":null,"code":null}}`},
		{"anthropic", "/v1/messages", 529, `{"type":"error","error":{"type":"overloaded_error","message":"this failure is simulated"}}`},
		{"ollama", "/api/chat", 500, `{"error":"this failure is simulated"}`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, mock(t, "fail "+strconv.Itoa(row.status)), row.path, chatBody)
			if a.body != row.want || a.status != row.status {
				t.Errorf("status %d, body %s", a.status, a.body)
			}
		})
	}
}

func TestCutAfter(t *testing.T) {
	t.Parallel()
	srv := mock(t, "cut_after 4")
	for _, api := range apis {
		t.Run(api.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, api.path, strings.Replace(api.body, "$", `,"stream":true`, 1))
			if a.err == nil {
				t.Errorf("the stream ended as usual: %s", a.body)
			}
			if n := len(a.events(t)); n != 4 {
				t.Errorf("%d events, want 4: %s", n, a.body)
			}
			post(t, srv, api.path, strings.Replace(api.body, "$", `,"stream":false`, 1)).ok(t)
		})
	}
}

func TestCutAfterTheLastEvent(t *testing.T) {
	t.Parallel()
	const events = 1 + 2 + 1 + 1 // role, words, finish reason, [DONE]
	a := post(t, mock(t, "words 2\ncut_after 5"), chatPath, chatStream).ok(t)
	if n := len(a.events(t)); n != events {
		t.Errorf("%d events, want %d", n, events)
	}
}

func TestCachedTokens(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, knob, path string
		want             map[string]int
	}{
		{"openai counts them in", "3", chatPath, map[string]int{"usage.prompt_tokens": 4, "usage.prompt_tokens_details.cached_tokens": 3, "usage.total_tokens": 16}},
		{"never more than the prompt", "99", chatPath, map[string]int{"usage.prompt_tokens": 4, "usage.prompt_tokens_details.cached_tokens": 4}},
		{"anthropic counts them apart", "3", "/v1/messages", map[string]int{"usage.input_tokens": 1, "usage.cache_read_input_tokens": 3}},
		{"responses", "3", "/v1/responses", map[string]int{"usage.input_tokens": 4, "usage.input_tokens_details.cached_tokens": 3}},
	}
	const body = `{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"a b c d"}],"input":"a b c d"}`
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			doc := post(t, mock(t, "cached_tokens "+row.knob), row.path, body).ok(t).document(t)
			for path, want := range row.want {
				if got := number(at(doc, path)); got != want {
					t.Errorf("%s is %d, want %d", path, got, want)
				}
			}
		})
	}
}

func TestModelOverride(t *testing.T) {
	t.Parallel()
	doc := post(t, mock(t, "model other-1"), chatPath, chatBody).ok(t).document(t)
	if got := text(at(doc, "model")); got != "other-1" {
		t.Errorf("model %q, want other-1", got)
	}
}

// flushes is a response writer that records writes and flushes, and when.
type flushes struct {
	*httptest.ResponseRecorder
	log   []string
	times []time.Time
}

func (f *flushes) Write(p []byte) (int, error) {
	f.log, f.times = append(f.log, "write"), append(f.times, time.Now())
	return f.ResponseRecorder.Write(p)
}

func (f *flushes) FlushError() error {
	f.log = append(f.log, "flush")
	return nil
}

func TestTiming(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := handler(t, "latency 3s\nevent_interval 250ms\nwords 2")
		w := &flushes{ResponseRecorder: httptest.NewRecorder()}
		start := time.Now()
		if err := h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, chatPath, strings.NewReader(chatStream)), nil); err != nil {
			t.Fatal(err)
		}
		if want := slices.Repeat([]string{"write", "flush"}, 5); !slices.Equal(w.log, want) {
			t.Errorf("every event must be flushed before the next: %v", w.log)
		}
		for i, at := range w.times {
			if want := 3*time.Second + time.Duration(i)*250*time.Millisecond; at.Sub(start) != want {
				t.Errorf("event %d after %v, want %v", i, at.Sub(start), want)
			}
		}
	})
}

func TestWaitsEndWithTheRequest(t *testing.T) {
	t.Parallel()
	request := func(t *testing.T, block string) (*httptest.ResponseRecorder, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, chatPath, strings.NewReader(chatStream)).WithContext(ctx)
		start := time.Now()
		err := handler(t, block).ServeHTTP(w, r, nil)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v, want 1s", waited)
		}
		return w, err
	}
	t.Run("before the first byte", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, err := request(t, "latency 1h")
			var he caddyhttp.HandlerError
			if !errors.As(err, &he) || he.StatusCode != 499 || w.Body.Len() != 0 {
				t.Errorf("error %v, body %q", err, w.Body)
			}
		})
	})
	t.Run("between events", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, err := request(t, "event_interval 1h")
			if err != nil || strings.Count(w.Body.String(), "data: ") != 1 {
				t.Errorf("error %v, body %q", err, w.Body)
			}
		})
	})
}

// A server that does not tell its usage does not, whatever it is asked.
func TestUsageOff(t *testing.T) {
	t.Parallel()
	srv := mock(t, "usage off")
	for _, api := range apis {
		for _, stream := range []string{"true", "false"} {
			t.Run(api.name+", stream "+stream, func(t *testing.T) {
				t.Parallel()
				a := post(t, srv, api.path, strings.Replace(api.body, "$", `,"stream":`+stream, 1)).ok(t)
				if body := strings.ReplaceAll(a.body, `"usage":null`, ""); strings.Contains(body, "usage") || strings.Contains(body, "eval_count") {
					t.Errorf("it tells its usage: %s", a.body)
				}
				if !strings.Contains(a.body, "said:") {
					t.Errorf("it answers nothing: %s", a.body)
				}
			})
		}
	}
	for path, body := range map[string]string{
		"/v1/embeddings": `{"model":"m","input":"a b"}`,
		"/api/embed":     `{"model":"m","input":"a b"}`,
	} {
		if a := post(t, srv, path, body).ok(t); strings.Contains(a.body, "usage") || strings.Contains(a.body, "eval_count") {
			t.Errorf("%s tells its usage: %s", path, a.body)
		}
	}
}
