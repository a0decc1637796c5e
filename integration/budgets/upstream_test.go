// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// ending is how a call ends.
type ending uint8

const (
	completes  ending = iota
	refused           // the upstream says 400
	fails             // the upstream says 500
	hangsUp           // the upstream closes the connection instead of answering
	cut               // the upstream breaks off its answer
	silent            // the upstream never answers
	impatient         // the client leaves before there is an answer
	leaves            // the client leaves within the answer
	unpriced          // nobody knows what the model costs, and the gateway refuses
	unreadable        // the gateway cannot read the call
	inner             // a quota behind that which has reserved denies
	numEndings
)

var endingNames = [numEndings]string{
	"completed", "refused", "failed", "hung up on", "cut", "timed out", "left before", "left within", "without a price", "unreadable", "denied within",
}

// plan is what becomes of a call. It travels in a header.
type plan struct {
	Ending        ending
	Stream        bool
	Model         string
	Input, Output int64 // tokens that the upstream reports
	Pause         int   // milliseconds before each part of the answer
}

const planHeader = "X-Plan"

// models are those with a price: in pico-dollars a token, of the prompt and of the
// answer. With the first, a call costs what was reserved for it. Tokens of the second
// are no whole billionths of a dollar.
var models = map[string][2]int64{"bounded": {0, 4_000_000}, "mixed": {1_000_000, 4_000_500}}

// cost is what a plan costs, in pico-dollars.
func (p *plan) cost() int64 {
	return p.Input*models[p.Model][0] + p.Output*models[p.Model][1]
}

const priceFile = `{"schema":1,"as_of":"2026-11-01","unit":"USD_per_1M_tokens","models":[
	{"id":"bounded","provider":"openai","prices":[{"input":"0","output":"4"}]},
	{"id":"mixed","provider":"openai","prices":[{"input":"1","output":"4.0005"}]}
]}`

// upstream is a provider that does what plans say, and keeps account.
type upstream struct {
	addr string

	mu    sync.Mutex
	cost  map[string]int64 // by consumer, in pico-dollars
	calls map[string]int
}

// newUpstream starts the provider. It ends with the test.
func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{cost: make(map[string]int64), calls: make(map[string]int)}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // The server closes it.
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	u.addr = l.Addr().String()
	server := &http.Server{Handler: u, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // until Close
	}()
	t.Cleanup(func() {
		_ = server.Close() // nothing is of interest any more
		<-done
	})
	return u
}

// served returns what a consumer's calls have cost, and how many there were.
func (u *upstream) served(consumer string) (cost int64, calls int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.cost[consumer], u.calls[consumer]
}

// ServeHTTP implements http.Handler. A call that is to complete is charged when it
// arrives, since nothing takes it back.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p plan
	if err := json.Unmarshal([]byte(r.Header.Get(planHeader)), &p); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body) // what it says is in the plan
	u.mu.Lock()
	consumer := r.Header.Get("X-Consumer-Username")
	u.calls[consumer]++
	if p.Ending == completes {
		u.cost[consumer] += p.cost()
	}
	u.mu.Unlock()
	p.rest(r)
	switch p.Ending {
	case refused:
		fail(w, http.StatusBadRequest)
	case fails:
		fail(w, http.StatusInternalServerError)
	case hangsUp:
		panic(http.ErrAbortHandler)
	case silent, impatient:
		<-r.Context().Done()
	default:
		if p.Stream {
			p.stream(w, r)
		} else {
			p.document(w)
		}
	}
}

func fail(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"message":"not now"}}`)
}

// rest takes up to the plan's pause.
func (p *plan) rest(r *http.Request) {
	if p.Pause == 0 {
		return
	}
	select {
	case <-time.After(rand.N(time.Duration(p.Pause) * time.Millisecond)): //nolint:gosec // Nothing to guess.
	case <-r.Context().Done():
	}
}

func (p *plan) usage() string {
	return fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, p.Input, p.Output, p.Input+p.Output)
}

func (p *plan) document(w http.ResponseWriter) {
	text := fmt.Sprintf(`{"id":"c","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],%s}`, p.Model, p.usage())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	if p.Ending == cut {
		_, _ = io.WriteString(w, text[:len(text)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, text)
}

const parts = 6 // of a stream

func (p *plan) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(data string) {
		if _, err := io.WriteString(w, "data: "+data+"\n\n"); err != nil || http.NewResponseController(w).Flush() != nil || r.Context().Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}
	for i := range parts {
		if p.Ending == cut && i == parts/2 {
			panic(http.ErrAbortHandler)
		}
		send(fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,"choices":[{"index":0,"delta":{"content":" the"},"finish_reason":null}]}`, p.Model))
		p.rest(r)
		if p.Ending == leaves && i > 0 {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
	}
	send(fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,"choices":[],%s}`, p.Model, p.usage()))
	send("[DONE]")
}
