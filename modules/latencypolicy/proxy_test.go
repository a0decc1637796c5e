// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// post sends a body and returns the answer.
func (p *proxy) post(t *testing.T, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Ask", "who")
	res, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer)
}

// echo reads the whole body before it answers: HTTP/1.1 servers read none afterwards.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(body)
}

// TestBuffersAreSentAgain has bodies taken by an upstream that answers nothing: the next
// one gets them whole.
func TestBuffersAreSentAgain(t *testing.T) {
	dropping, sound := newUpstream(t, 0), newUpstream(t, 0)
	dropping.handle(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	sound.handle(echo)
	p := newProxy(t, "request_buffers 1MiB\nlb_retries 9\nlb_retry_match {\nmethod POST\n}", dropping, sound)
	sent := strings.Repeat("0123456789", 1000)
	for range 10 {
		if res, got := p.post(t, sent); res.StatusCode != http.StatusOK || got != sent {
			t.Fatalf("status %d, %d bytes", res.StatusCode, len(got))
		}
	}
	if dropping.got.Load() == 0 {
		t.Error("nothing was sent again")
	}
	wantNothingWaiting(t)
}

// TestResponseHandlersHaveTheRequest has answers go through routes of their own, and out
// from there.
func TestResponseHandlersHaveTheRequest(t *testing.T) {
	u := newUpstream(t, 0)
	u.handle(echo)
	p := newProxy(t, "handle_response {\nheader X-Asked {header.X-Ask}\ncopy_response 202\n}", u)
	res, got := p.post(t, "body")
	if res.StatusCode != http.StatusAccepted || got != "body" || res.Header.Get("X-Asked") != "who" {
		t.Errorf("status %d, %q, header %v", res.StatusCode, got, res.Header)
	}
	wantNothingWaiting(t)
}
