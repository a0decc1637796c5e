// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// within runs fn in a request with the given body, inside the outermost
// handler, and ends the request.
func within(t *testing.T, body io.Reader, header http.Header, fn func(r *http.Request, rq *state.Request)) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v1/x", body)
	maps.Copy(r.Header, header)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil)
	h := handle(func(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
		fn(r, rq)
		return nil
	})
	if err := state.Serve(h, newHost(), w, r, nil); err != nil {
		t.Fatal(err)
	}
}

func deniedWith(t *testing.T, err error, status int, code string) {
	t.Helper()
	d, ok := errors.AsType[*state.Denial](err)
	if !ok || d.Status != status || d.Code != code {
		t.Errorf("error %v, want status %d and code %s", err, status, code)
	}
}

func TestBodyIsReadOnceAndReadAgain(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]io.Reader{
		"announced length": strings.NewReader("hello"),
		"chunked":          io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within(t, body, nil, func(r *http.Request, rq *state.Request) {
				first, err := rq.Body(r, 100)
				if err != nil || string(first) != "hello" {
					t.Fatalf("got %q, %v", first, err)
				}
				second, _ := rq.Body(r, 100)
				if &first[0] != &second[0] {
					t.Error("the second reader got other bytes than the first")
				}
				if forwarded, _ := io.ReadAll(r.Body); string(forwarded) != "hello" {
					t.Errorf("forwarded %q", forwarded)
				}
			})
		})
	}
}

func TestBodyBounds(t *testing.T) {
	t.Parallel()
	chunked := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) }
	within(t, strings.NewReader("123456"), nil, func(r *http.Request, rq *state.Request) {
		_, err := rq.Body(r, 5)
		deniedWith(t, err, http.StatusRequestEntityTooLarge, "body_too_large")
	})
	within(t, chunked("123456"), nil, func(r *http.Request, rq *state.Request) {
		_, err := rq.Body(r, 5)
		deniedWith(t, err, http.StatusRequestEntityTooLarge, "body_too_large")
	})
	within(t, chunked(strings.Repeat("x", 9000)), nil, func(r *http.Request, rq *state.Request) {
		if b, err := rq.Body(r, 9000); err != nil || len(b) != 9000 {
			t.Errorf("a body of exactly the limit: %d bytes, %v", len(b), err)
		}
		_, err := rq.Body(r, 8999)
		deniedWith(t, err, http.StatusRequestEntityTooLarge, "body_too_large")
	})
	within(t, strings.NewReader("x"), http.Header{"Content-Encoding": {"gzip"}}, func(r *http.Request, rq *state.Request) {
		_, err := rq.Body(r, 5)
		deniedWith(t, err, http.StatusUnsupportedMediaType, "content_encoding_unsupported")
	})
	within(t, strings.NewReader("x"), http.Header{"Incremental": {"?1"}}, func(r *http.Request, rq *state.Request) {
		_, err := rq.Body(r, 5)
		deniedWith(t, err, http.StatusNotImplemented, "incremental_unsupported")
	})
	within(t, io.MultiReader(strings.NewReader("ab"), brokenReader{}), nil, func(r *http.Request, rq *state.Request) {
		_, err := rq.Body(r, 100)
		deniedWith(t, err, http.StatusBadRequest, "body_unreadable")
		_, again := rq.Body(r, 100)
		deniedWith(t, again, http.StatusBadRequest, "body_unreadable")
	})
	within(t, http.MaxBytesReader(nil, io.NopCloser(chunked("123456")), 3), nil, func(r *http.Request, rq *state.Request) {
		_, err := rq.Body(r, 100)
		deniedWith(t, err, http.StatusRequestEntityTooLarge, "body_too_large")
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSetBodyRemovesChecksums has a body replaced whose checksums were announced: an
// upstream that verifies them must not find the old ones.
func TestSetBodyRemovesChecksums(t *testing.T) {
	h := http.Header{"Want-Content-Digest": {"sha-256=1"}}
	for _, name := range []string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"} {
		h.Set(name, "sha-256=:AAAA:")
	}
	within(t, strings.NewReader("short"), h, func(r *http.Request, rq *state.Request) {
		if _, err := rq.Body(r, 10); err != nil || len(r.Header) < 5 {
			t.Fatalf("header %v, %v", r.Header, err)
		}
		rq.SetBody(r, []byte("longer"))
		if r.Header.Get("Want-Content-Digest") == "" || len(r.Header) != 2 {
			t.Errorf("header %v", r.Header)
		}
	})
}

func TestSetBodyReplacesForAll(t *testing.T) {
	t.Parallel()
	within(t, strings.NewReader("old"), nil, func(r *http.Request, rq *state.Request) {
		if _, err := rq.Body(r, 100); err != nil {
			t.Fatal(err)
		}
		rq.SetBody(r, []byte("longer"))
		got, err := rq.Body(r, 100)
		if err != nil || string(got) != "longer" || r.ContentLength != 6 || r.Header.Get("Content-Length") != "6" {
			t.Errorf("body %q, %v, length %d", got, err, r.ContentLength)
		}
		if forwarded, _ := io.ReadAll(r.Body); string(forwarded) != "longer" {
			t.Errorf("forwarded %q", forwarded)
		}
	})
}

// A transport may still hold the body when the handler has returned. It must
// read an error then, never another request's bytes.
func TestReaderOfAnEndedRequestFails(t *testing.T) {
	t.Parallel()
	var kept io.ReadCloser
	within(t, bytes.NewReader(bytes.Repeat([]byte("a"), 5000)), nil, func(r *http.Request, rq *state.Request) {
		if _, err := rq.Body(r, 10_000); err != nil {
			t.Fatal(err)
		}
		kept = r.Body
	})
	within(t, bytes.NewReader(bytes.Repeat([]byte("b"), 5000)), nil, func(r *http.Request, rq *state.Request) {
		if _, err := rq.Body(r, 10_000); err != nil {
			t.Fatal(err)
		}
		if n, err := kept.Read(make([]byte, 10)); n != 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

func TestBufferedBodyAndWhetherItWasSent(t *testing.T) {
	t.Parallel()
	within(t, strings.NewReader("hello"), nil, func(r *http.Request, rq *state.Request) {
		if rq.BufferedBody() != nil || rq.BodySent() {
			t.Error("a body that nobody has read is buffered, or sent")
		}
		if _, err := rq.Body(r, 100); err != nil {
			t.Fatal(err)
		}
		if string(rq.BufferedBody()) != "hello" || rq.BodySent() {
			t.Errorf("buffered %q, sent %v", rq.BufferedBody(), rq.BodySent())
		}
		if _, err := io.ReadFull(r.Body, make([]byte, 4)); err != nil || rq.BodySent() {
			t.Errorf("sent %v before its last byte, %v", rq.BodySent(), err)
		}
		if _, err := io.ReadFull(r.Body, make([]byte, 1)); err != nil || !rq.BodySent() {
			t.Errorf("sent %v with its last byte, %v", rq.BodySent(), err)
		}
		rq.SetBody(r, []byte("another"))
		if string(rq.BufferedBody()) != "another" || rq.BodySent() {
			t.Errorf("buffered %q, sent %v", rq.BufferedBody(), rq.BodySent())
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || !rq.BodySent() {
			t.Errorf("sent %v, %v", rq.BodySent(), err)
		}
	})
	within(t, http.NoBody, nil, func(r *http.Request, rq *state.Request) {
		if b, err := rq.Body(r, 100); err != nil || b != nil || rq.BufferedBody() != nil || rq.BodySent() {
			t.Errorf("body %q, %v, sent %v", b, err, rq.BodySent())
		}
	})
}
