// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for something that ought to happen at once.
const patience = 30 * time.Second

// outcome is what a client has of its request.
type outcome struct {
	status   int   // 0: no answer
	received int   // events with text
	last     bool  // the end of the document, or the event that ends the stream, is here
	complete bool  // the answer has ended, and is as it should be
	err      error // why the answer, or the request, broke
	wrong    string
}

// client is one connection to a gateway.
type client struct {
	url  string
	http *http.Client
}

// newClient returns a client that decompresses nothing and shares no connection. It
// speaks HTTP/2 if asked.
func newClient(t *testing.T, addr string, two bool) *client {
	var protocols http.Protocols
	protocols.SetHTTP1(!two)
	protocols.SetUnencryptedHTTP2(two)
	transport := &http.Transport{DisableCompression: true, Protocols: &protocols, MaxIdleConnsPerHost: 4096}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{url: "http://" + addr, http: &http.Client{Transport: transport}}
}

// do sends the request of a plan and does with the answer what the plan says. A request
// that has broken before the upstream saw it is sent again: a listener that a reload
// closes resets the connections that it has not accepted.
func (c *client) do(ctx context.Context, u *upstream, p *plan) outcome {
	for {
		got := c.once(ctx, u, p)
		if got.status != 0 || ctx.Err() != nil || u.call(p).seen().attempts > 0 {
			return got
		}
	}
}

func (c *client) once(ctx context.Context, u *upstream, p *plan) (got outcome) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+p.wire.path(p), strings.NewReader(p.wire.request(p)))
	if err != nil {
		return outcome{err: err}
	}
	r.Header.Set("Authorization", "Bearer "+consumerKey(p.consumer))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Correlation-Id", p.name)
	r.Header.Set(planHeader, p.name)
	if p.coding != "" {
		r.Header.Set("Accept-Encoding", p.coding)
	}
	known := u.call(p)
	if p.ending == abandoned && p.at < 0 {
		go func() {
			select {
			case <-known.arrived:
				leave()
			case <-ctx.Done():
			}
		}()
	}
	res, err := c.http.Do(r)
	if err != nil {
		return outcome{err: err}
	}
	defer res.Body.Close()
	got.status = res.StatusCode
	if !p.stream || res.StatusCode != http.StatusOK {
		body, err := io.ReadAll(res.Body)
		got.err = err
		if err == nil && res.StatusCode == http.StatusOK {
			got.checkDocument(p, res.Header.Get("Content-Encoding"), body)
		}
		return got
	}
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			got.err = err
			return got
		}
	}
	got.readStream(p, known, body)
	return got
}

// checkDocument compares an answer in one piece with what the upstream has said.
func (o *outcome) checkDocument(p *plan, coding string, body []byte) {
	plain, err := decoded(coding, body)
	if err != nil || string(plain) != p.wire.document(p) {
		o.wrong = fmt.Sprintf("the answer is %q (%v)", plain, err)
		return
	}
	o.complete, o.last = true, true
}

// readStream reads events, and goes away when the plan says so.
func (o *outcome) readStream(p *plan, known *call, body io.Reader) {
	leaves := p.ending == abandoned
	allow := func() {
		if leaves && (o.received < p.at || p.hurried || p.at == p.events) {
			known.permits <- struct{}{}
		}
	}
	lines, usage := bufio.NewReader(body), false
	if allow(); leaves && p.at == 0 {
		// The header is all that it waits for.
		return
	}
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			if o.err = err; err == io.EOF {
				o.err = nil
			}
			break
		}
		if o.last = o.last || bytes.Contains(line, []byte(p.wire.last)); o.last && leaves {
			return
		}
		usage = usage || bytes.Contains(line, []byte(`"usage"`))
		if !bytes.Contains(line, []byte(p.wire.mark)) {
			continue
		}
		o.received++
		if allow(); leaves && o.received >= p.at && p.at < p.events {
			return
		}
	}
	switch {
	case o.err == nil && !o.last:
		o.wrong = fmt.Sprintf("the stream ends after %d events as if it were complete", o.received)
	case o.err == nil && o.received != p.events:
		o.wrong = fmt.Sprintf("%d events of %d arrived", o.received, p.events)
	case o.err == nil && p.wire.name == "chat" && usage != (p.asks && !p.silent) && !(p.asks && p.silent):
		o.wrong = fmt.Sprintf("usage was told: %t; asked for: %t", usage, p.asks)
	default:
		o.complete = o.err == nil
	}
}
