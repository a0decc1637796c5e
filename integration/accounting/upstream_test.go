// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// upstream is a model provider that does what plans say and keeps its own account.
type upstream struct {
	addr  string
	http  *http.Server
	busy  sync.WaitGroup
	calls sync.Map // name of a plan -> *call
}

// call is what the upstream knows of one request of a client.
type call struct {
	arrived chan struct{} // closed when the request is there
	permits chan struct{} // one lets one event with text leave, or the end; closed: all
	once    sync.Once

	mu sync.Mutex
	served
}

// served is what has been served of a request.
type served struct {
	attempts int
	consumer string // as the gateway says
	model    string // as the request says
	header   bool   // of a successful answer, has left
	left     int    // events with text that have
	ended    bool   // all has left
	asked    bool   // for usage
}

// newUpstream starts the provider. It ends with the test.
func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := new(upstream)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	u.addr = listener.Addr().String()
	u.http = &http.Server{Handler: u}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = u.http.Serve(listener) // until Close
	}()
	t.Cleanup(func() {
		_ = u.http.Close()
		<-done
		u.busy.Wait()
	})
	return u
}

// call returns what is known of a plan's request.
func (u *upstream) call(p *plan) *call {
	fresh := &call{arrived: make(chan struct{}), permits: make(chan struct{}, 64)}
	known, _ := u.calls.LoadOrStore(p.name, fresh)
	return known.(*call)
}

// seen returns what has been served so far.
func (c *call) seen() served {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.served
}

func (c *call) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// question is what the upstream reads of a request.
type question struct {
	Model   string
	Stream  bool
	Options struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// ServeHTTP implements http.Handler.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.busy.Add(1)
	defer u.busy.Done()
	p, err := planNamed(r.Header.Get(planHeader))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(r.Body)
	var q question
	if err != nil || json.Unmarshal(body, &q) != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	if p.wire.name == "gemini" {
		q.Model, _, _ = strings.Cut(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], ":")
	}
	c := u.call(p)
	attempt := 0
	c.note(func() {
		c.attempts++
		attempt = c.attempts
		c.consumer, c.model, c.asked = r.Header.Get("X-Consumer-Username"), q.Model, q.Options.Usage
	})
	c.once.Do(func() { close(c.arrived) })

	switch {
	case p.ending == refused:
		fail(w, http.StatusTooManyRequests)
	case p.ending == retried && attempt <= p.failures:
		fail(w, http.StatusInternalServerError)
	case p.ending == hangsUp:
		panic(http.ErrAbortHandler)
	case p.ending == abandoned && p.at < 0:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case p.stream:
		c.stream(w, r, p)
	default:
		c.document(w, r, p)
	}
}

func fail(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"message":"not now"}}`)
}

// stream sends events one by one, and notes each that has left.
func (c *call) stream(w http.ResponseWriter, r *http.Request, p *plan) {
	out := http.NewResponseController(w)
	body, flush, finish := io.Writer(w), out.Flush, func() error { return nil }
	if p.pressed {
		w.Header().Set("Content-Encoding", "gzip")
		press := gzip.NewWriter(w)
		body, flush, finish = press, func() error { return errors.Join(press.Flush(), out.Flush()) }, press.Close
	}
	send := func(s string) {
		_, err := io.WriteString(body, s)
		if err == nil {
			err = flush()
		}
		if err != nil || r.Context().Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}
	w.Header().Set("Content-Type", p.wire.media)
	w.WriteHeader(http.StatusOK)
	c.note(func() { c.header = true })
	send(p.wire.begin(p))
	permitted := func() {
		if p.held {
			select {
			case <-c.permits:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		}
	}
	for i := range p.events {
		permitted()
		if p.ending == cut && i == p.at {
			panic(http.ErrAbortHandler)
		}
		if p.ending == slow {
			pause(p, i)
		}
		// It is noted before it leaves: an event that a client may have must be
		// one that has left.
		c.note(func() { c.left++ })
		send(p.wire.event(p, i, c.asked))
	}
	if p.ending == cut {
		panic(http.ErrAbortHandler)
	}
	permitted()
	c.note(func() { c.ended = true })
	send(p.wire.end(p, c.asked))
	if finish() != nil {
		panic(http.ErrAbortHandler)
	}
}

// pause is how slow a slow upstream is.
func pause(p *plan, event int) {
	time.Sleep(time.Duration(p.words(event)) * time.Millisecond)
}

// document sends an answer in one piece, in a coding that the request accepts.
func (c *call) document(w http.ResponseWriter, r *http.Request, p *plan) {
	if p.ending == slow {
		pause(p, 0)
	}
	body := []byte(p.wire.document(p))
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if encode := encoders[strings.TrimSpace(coding)]; encode != nil {
			body = encode(body)
			w.Header().Set("Content-Encoding", strings.TrimSpace(coding))
			break
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	c.note(func() { c.header = true })
	if p.ending == cut {
		// Not in its second half, where the usage is.
		_, _ = w.Write(body[:len(body)*p.at/(2*p.events)])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	c.note(func() { c.left, c.ended = p.events, true })
	_, _ = w.Write(body)
}

// encoders are the codings that the upstream has.
var encoders = map[string]func([]byte) []byte{
	"gzip": func(p []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(p)
		_ = w.Close()
		return b.Bytes()
	},
	"br": func(p []byte) []byte {
		var b bytes.Buffer
		w := brotli.NewWriterLevel(&b, brotli.BestSpeed)
		_, _ = w.Write(p)
		_ = w.Close()
		return b.Bytes()
	},
	"zstd": func(p []byte) []byte { return zstdEncoder.EncodeAll(p, nil) },
}

var (
	zstdEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	zstdDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
)

// decoded reverses a coding.
func decoded(coding string, p []byte) ([]byte, error) {
	switch coding {
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(p))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case "br":
		return io.ReadAll(brotli.NewReader(bytes.NewReader(p)))
	case "zstd":
		return zstdDecoder.DecodeAll(p, nil)
	}
	return p, nil
}
