// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// tap is a Tap and Settler that notes what it saw.
type tap struct {
	h        *host
	hold     int64
	terminal string
	seen     strings.Builder
}

func (t *tap) ResponseHeader(int, http.Header) int64 { t.h.note("header"); return t.hold }
func (t *tap) ResponseBody(p []byte) bool {
	t.seen.Write(p)
	return t.terminal != "" && strings.Contains(string(p), t.terminal)
}
func (t *tap) HeldHeader(h http.Header)     { h.Set("X-Held", "yes") }
func (t *tap) SettleRequest(*state.Request) { t.h.note("settle") }
func (t *tap) EndRequest()                  {}
func (t *tap) attach(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	rq.OnSettle(t)
	w = rq.Tapped(w, r, t)
	if err := next.ServeHTTP(w, r); err != nil {
		return err
	}
	return rq.EndTapped(w)
}

// noting is the server's own writer, which notes what reaches the client.
type noting struct {
	http.ResponseWriter
	h *host
}

func (n noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
func (n noting) Write(p []byte) (int, error) {
	n.h.note("write")
	return n.ResponseWriter.Write(p)
}

func TestSettlesBeforeTheLastByte(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer   func(w http.ResponseWriter)
		terminal string
		want     []string
	}{
		"content length": {
			answer: func(w http.ResponseWriter) {
				w.Header().Set("Content-Length", "6")
				_, _ = io.WriteString(w, "abc")
				_, _ = io.WriteString(w, "def")
			},
			want: []string{"header", "write", "settle", "record", "write", "observe"},
		},
		"terminal event": {
			answer: func(w http.ResponseWriter) {
				_, _ = io.WriteString(w, "data: 1\n\n")
				_, _ = io.WriteString(w, "data: END\n\n")
				_, _ = io.WriteString(w, ": more\n\n")
			},
			terminal: "END",
			want:     []string{"header", "write", "settle", "record", "write", "write", "observe"},
		},
		"end of a chunked body": {
			answer: func(w http.ResponseWriter) {
				_, _ = io.WriteString(w, "abc")
			},
			want: []string{"header", "write", "settle", "record", "observe"},
		},
		"no body": {
			answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
			want:   []string{"header", "settle", "record", "observe"},
		},
		"nothing written": {
			answer: func(http.ResponseWriter) {},
			want:   []string{"settle", "record", "observe"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			tp := &tap{h: h, terminal: tc.terminal}
			ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
				tc.answer(w)
				return nil
			}, func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
				return tp.attach(w, r, rq, next)
			})
			inner := ts.Config.Handler
			ts.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(noting{w, h}, r)
			})
			get(t, ts.URL)
			h.wait(t)
			if got := h.log(); !slices.Equal(got, tc.want) {
				t.Errorf("order of events:\ngot  %v\nwant %v", got, tc.want)
			}
		})
	}
}

func TestHoldsSmallAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hold   int64
		length string
		chunks []string
		held   bool
	}{
		"with length":           {hold: 100, length: "6", chunks: []string{"abc", "def"}, held: true},
		"without length":        {hold: 100, chunks: []string{"abc", "def"}, held: true},
		"exactly the limit":     {hold: 6, chunks: []string{"abc", "def"}, held: true},
		"one byte over":         {hold: 5, chunks: []string{"abc", "def"}},
		"announced as too long": {hold: 5, length: "6", chunks: []string{"abc", "def"}},
		"hold not asked for":    {hold: 0, length: "6", chunks: []string{"abcdef"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			tp := &tap{h: h, hold: tc.hold}
			ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
				if tc.length != "" {
					w.Header().Set("Content-Length", tc.length)
				}
				for _, c := range tc.chunks {
					_, _ = io.WriteString(w, c)
					_ = http.NewResponseController(w).Flush()
				}
				return nil
			}, tp.attach)
			resp, body := get(t, ts.URL)
			o, _ := h.wait(t)
			want := strings.Join(tc.chunks, "")
			if body != want || tp.seen.String() != want {
				t.Errorf("client got %q, tap %q, want %q", body, tp.seen.String(), want)
			}
			if held := resp.Header.Get("X-Held") == "yes"; held != tc.held {
				t.Errorf("held = %v, want %v", held, tc.held)
			}
			if o.BytesOut != int64(len(want)) || o.Status != 200 || o.FirstByte <= 0 || o.Aborted {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

// A handler that compresses stands between the tap and the outermost writer:
// the tap must see the bytes as they are at its own place.
func TestTapBehindAnotherWriter(t *testing.T) {
	t.Parallel()
	h := newHost()
	tp := &tap{h: h, hold: 100}
	ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.WriteString(w, "plain")
		return nil
	}, func(w http.ResponseWriter, r *http.Request, _ *state.Request, next caddyhttp.Handler) error {
		return next.ServeHTTP(shouting{w}, r)
	}, tp.attach)
	resp, body := get(t, ts.URL)
	if body != "PLAIN" || tp.seen.String() != "plain" || resp.Header.Get("X-Held") != "yes" {
		t.Errorf("client got %q, tap %q, header %v", body, tp.seen.String(), resp.Header)
	}
	if o, _ := h.wait(t); o.Status != 200 || o.BytesOut != 5 {
		t.Errorf("outcome %+v", o)
	}
}

type shouting struct{ http.ResponseWriter }

func (s shouting) Write(p []byte) (int, error) {
	return s.ResponseWriter.Write([]byte(strings.ToUpper(string(p))))
}

func TestFlushReachesTheClientBeforeTheNextWrite(t *testing.T) {
	t.Parallel()
	h := newHost()
	got := make(chan struct{})
	ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.WriteString(w, "first\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("flush: %v", err)
		}
		<-got
		_, _ = io.WriteString(w, "second\n")
		return nil
	}, pass, (&tap{h: h}).attach)
	resp, err := client.Get(ts.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Fatalf("got %q", lines.Text())
	}
	close(got)
	if !lines.Scan() || lines.Text() != "second" {
		t.Fatalf("got %q", lines.Text())
	}
}

func TestHijackGoesThrough(t *testing.T) {
	t.Parallel()
	h := newHost()
	ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "HTTP/1.1 299 Mine\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		return err
	}, pass)
	conn, err := net.Dial("tcp", ts.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 299 {
		t.Errorf("status %d, want the hijacker's 299", resp.StatusCode)
	}
}

func TestInformationalResponsesPass(t *testing.T) {
	t.Parallel()
	h := newHost()
	ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "ok")
		return nil
	}, pass, (&tap{h: h, hold: 100}).attach)
	var hints []int
	req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = append(hints, code); return nil },
	}), http.MethodGet, ts.URL, nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if !slices.Equal(hints, []int{103}) || resp.StatusCode != 200 {
		t.Errorf("hints %v, status %d", hints, resp.StatusCode)
	}
}

func TestHeadHasNoBodyAndSettlesOnItsHeader(t *testing.T) {
	t.Parallel()
	h := newHost()
	ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Length", "42")
		w.WriteHeader(http.StatusOK)
		return nil
	}, (&tap{h: h, hold: 100}).attach)
	resp, err := http.Head(ts.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h.wait(t)
	if want := []string{"header", "settle", "record", "observe"}; !slices.Equal(h.log(), want) {
		t.Errorf("events %v, want %v", h.log(), want)
	}
	if resp.ContentLength != 42 {
		t.Errorf("Content-Length %d, want the upstream's 42", resp.ContentLength)
	}
}

func TestTrailersPass(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]int64{"passed on": 0, "hold asked for": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
				w.Header().Set("Trailer", "X-Sum")
				_, _ = io.WriteString(w, "body")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Errorf("flush: %v", err)
				}
				w.Header().Set("X-Sum", "7")
				return nil
			}, pass, (&tap{h: h, hold: hold}).attach)
			resp, body := get(t, ts.URL)
			if body != "body" || resp.Trailer.Get("X-Sum") != "7" || resp.Header.Get("X-Sum") != "" || resp.Header.Get("X-Held") != "" {
				t.Errorf("body %q, header %v, trailer %v", body, resp.Header, resp.Trailer)
			}
		})
	}
}

// reverse_proxy panics with http.ErrAbortHandler when an upstream breaks off.
func TestAbortSettlesOnceAndBreaksTheConnection(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]int64{"passed on": 0, "held": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
				_, _ = io.WriteString(w, "half an ans")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}, pass, (&tap{h: h, hold: hold}).attach)
			ts.Config.ErrorLog = nil
			resp, err := client.Get(ts.URL)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Error("the broken answer looked complete to the client")
			}
			if o, _ := h.wait(t); !o.Aborted {
				t.Errorf("outcome %+v, want aborted", o)
			}
			if n := strings.Count(strings.Join(h.log(), " "), "settle"); n != 1 {
				t.Errorf("settled %d times, events %v", n, h.log())
			}
		})
	}
}

func TestReadFromCountsAndTaps(t *testing.T) {
	t.Parallel()
	for name, tapped := range map[string]bool{"untapped": false, "tapped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			tp := &tap{h: h}
			outer := handle(pass)
			if tapped {
				outer = tp.attach
			}
			ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error {
				w.WriteHeader(http.StatusOK)
				rf, ok := w.(io.ReaderFrom)
				if !ok {
					t.Error("the writer lost io.ReaderFrom")
					return nil
				}
				_, err := rf.ReadFrom(strings.NewReader(strings.Repeat("x", 1000)))
				return err
			}, outer)
			_, body := get(t, ts.URL)
			if o, _ := h.wait(t); o.BytesOut != 1000 || len(body) != 1000 {
				t.Errorf("counted %d, client got %d", o.BytesOut, len(body))
			}
			if tapped && tp.seen.Len() != 1000 {
				t.Errorf("tap saw %d bytes", tp.seen.Len())
			}
		})
	}
}
