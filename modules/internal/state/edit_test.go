// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// lines is an editor that passes whole lines, in capitals, and drops those with a "#".
type lines struct {
	tap
	w          *state.Writer
	kept, out  []byte
	ended      int
	afterwards bool // written to after its end
}

func (l *lines) attach(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	rq.OnSettle(l)
	l.w = rq.Tapped(w, r, l)
	if err := next.ServeHTTP(l.w, r); err != nil {
		return err
	}
	return rq.EndTapped(l.w)
}

func (l *lines) ResponseHeader(status int, h http.Header) int64 {
	delete(h, "Content-Length")
	l.w.Edit(l)
	return l.tap.ResponseHeader(status, h)
}

func (l *lines) EditBody(p []byte) []byte {
	l.afterwards = l.afterwards || l.ended > 0
	l.kept = append(l.kept, p...)
	end := bytes.LastIndexByte(l.kept, '\n') + 1
	l.edit(l.kept[:end])
	l.kept = append([]byte(nil), l.kept[end:]...)
	return l.out
}

func (l *lines) EndBody() []byte {
	l.ended++
	l.edit(l.kept)
	return l.out
}

func (l *lines) edit(p []byte) {
	l.out = l.out[:0]
	for line := range bytes.Lines(p) {
		if !bytes.Contains(line, []byte("#")) {
			l.out = append(l.out, bytes.ToUpper(line)...)
		}
	}
}

func TestEditedBody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pieces []string
		want   string
		length string // announced by the upstream
	}{
		"whole lines":        {pieces: []string{"one\n", "two\n"}, want: "ONE\nTWO\n"},
		"cut lines":          {pieces: []string{"on", "e\ntw", "o\n"}, want: "ONE\nTWO\n"},
		"no end":             {pieces: []string{"one\ntwo"}, want: "ONE\nTWO"},
		"everything dropped": {pieces: []string{"#", "one\n"}, want: ""},
		"the last dropped":   {pieces: []string{"one\n", "#two"}, want: "ONE\n"},
		"nothing":            {},
		"of known length":    {pieces: []string{"one\n", "#two\n"}, want: "ONE\n", length: "9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			l := &lines{tap: tap{h: h}}
			ts := chain(t, h, nil, func(w http.ResponseWriter, _ *http.Request) error {
				if tc.length != "" {
					w.Header().Set("Content-Length", tc.length)
				}
				w.WriteHeader(http.StatusAccepted)
				for _, p := range tc.pieces {
					if n, err := io.WriteString(w, p); n != len(p) || err != nil {
						t.Errorf("%d of %d bytes written, %v", n, len(p), err)
					}
					if err := http.NewResponseController(w).Flush(); err != nil {
						t.Errorf("flush: %v", err)
					}
				}
				return nil
			}, l.attach)
			resp, body := get(t, ts.URL)
			o, _ := h.wait(t)
			if body != tc.want || resp.StatusCode != http.StatusAccepted {
				t.Errorf("status %d, the client got %q, want %q", resp.StatusCode, body, tc.want)
			}
			if came := strings.Join(tc.pieces, ""); l.seen.String() != came {
				t.Errorf("the tap saw %q, want what came: %q", l.seen.String(), came)
			}
			if o.BytesOut != int64(len(tc.want)) || o.Status != http.StatusAccepted || o.Aborted {
				t.Errorf("outcome %+v", o)
			}
			if l.ended != 1 || l.afterwards {
				t.Errorf("ended %d times, written to afterwards: %v", l.ended, l.afterwards)
			}
		})
	}
}

// Nothing is settled later for being edited.
func TestEditedBodySettlesBeforeTheLastByte(t *testing.T) {
	t.Parallel()
	h := newHost()
	l := &lines{tap: tap{h: h, terminal: "END"}}
	ts := chain(t, h, nil, func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "one\n")
		_, _ = io.WriteString(w, "END\nrest")
		return nil
	}, l.attach)
	inner := ts.Config.Handler
	ts.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(noting{w, h}, r) })
	if _, body := get(t, ts.URL); body != "ONE\nEND\nREST" {
		t.Errorf("the client got %q", body)
	}
	h.wait(t)
	if want := []string{"header", "write", "settle", "record", "write", "write", "observe"}; !slices.Equal(h.log(), want) {
		t.Errorf("events %v, want %v", h.log(), want)
	}
}

func TestEditedAnswerWithoutBody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method string
		status int
	}{
		"HEAD":         {http.MethodHead, http.StatusOK},
		"no content":   {http.MethodGet, http.StatusNoContent},
		"not modified": {http.MethodGet, http.StatusNotModified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			l := &lines{tap: tap{h: h}}
			ts := chain(t, h, nil, func(w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(tc.status)
				return nil
			}, l.attach)
			req, err := http.NewRequestWithContext(t.Context(), tc.method, ts.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if o, _ := h.wait(t); resp.StatusCode != tc.status || o.BytesOut != 0 || o.Aborted {
				t.Errorf("status %d, outcome %+v", resp.StatusCode, o)
			}
			if want := []string{"header", "settle", "record", "observe"}; !slices.Equal(h.log(), want) {
				t.Errorf("events %v, want %v", h.log(), want)
			}
		})
	}
}

// What the editor keeps back of an answer that breaks off is not sent, for it would
// look like its end.
func TestEditedBodyThatBreaks(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"a panic":  func() error { panic(http.ErrAbortHandler) },
		"an error": func() error { return errors.New("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			l := &lines{tap: tap{h: h}}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil)
			func() {
				defer func() { _ = recover() }()
				err := state.Serve(handle(l.attach), h, w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					_, _ = io.WriteString(w, "one\ntw")
					return fail()
				}))
				if err == nil {
					t.Error("the error was lost")
				}
			}()
			if o, _ := h.wait(t); w.Body.String() != "ONE\n" || l.ended != 0 || !o.Aborted || o.BytesOut != 4 {
				t.Errorf("the client got %q, outcome %+v", w.Body, o)
			}
		})
	}
}

// An error before the first byte takes the place of the answer, and is not edited.
func TestErrorInThePlaceOfAnEditedAnswer(t *testing.T) {
	t.Parallel()
	h := newHost()
	l := &lines{tap: tap{h: h, hold: 100}}
	ts := chain(t, h, nil, func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "held")
		return state.Deny(http.StatusForbidden, "denied", "a # in lower case")
	}, l.attach)
	resp, body := get(t, ts.URL)
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "a # in lower case") || l.ended != 0 {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	h.wait(t)
}

// gone is the writer of a client that has left.
type gone struct{ http.ResponseWriter }

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The proxy must hear that its client has left, edited or not.
func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edited bool
		hold   int64
	}{
		"passed": {}, "edited": {edited: true}, "held": {hold: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			tp := &tap{h: h, hold: tc.hold}
			attach := tp.attach
			if tc.edited {
				attach = (&lines{tap: tap{h: h}}).attach
			}
			var heard error
			ended := serve(t, h, func(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
				return attach(w, r, rq, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					n, err := io.WriteString(w, "more than is held\n")
					if heard = err; n != 0 {
						t.Errorf("%d bytes were written", n)
					}
					return nil
				}))
			}, gone{httptest.NewRecorder()})
			<-ended
			if !errors.Is(heard, io.ErrClosedPipe) {
				t.Errorf("error %v", heard)
			}
			if o, _ := h.wait(t); !o.Aborted || o.BytesOut != 0 {
				t.Errorf("outcome %+v", o)
			}
			if n := strings.Count(strings.Join(h.log(), " "), "record"); n != 1 {
				t.Errorf("%d records", n)
			}
		})
	}
}
