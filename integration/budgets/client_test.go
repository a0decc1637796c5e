// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// call is a plan with what the client asks for.
type call struct {
	plan
	consumer string
	most     int64 // max_tokens
}

// outcome is what a client has of its call.
type outcome struct {
	status   int // 0: no answer
	code     string
	retry    string // Retry-After
	complete bool   // all of the answer is here
	err      error
}

// newClient returns a client that keeps as many connections as it needs.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (c *call) body() string {
	if c.Ending == unreadable {
		return `{"model":"mixed","messages":[`
	}
	model := c.Model
	if c.Ending == unpriced {
		model = "nobody-knows"
	}
	return fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":%d,"messages":[{"role":"user","content":"What is a tollgate?"}]}`, model, c.Stream, c.most)
}

// send makes a call, and leaves when its plan says so. A call that has broken before
// there was an answer, on a connection that a reload has closed, is not sent again.
func (c *call) send(ctx context.Context, client *http.Client, g *gateway) (got outcome) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.addr+"/v1/chat/completions", strings.NewReader(c.body()))
	if err != nil {
		return outcome{err: err}
	}
	travels, err := json.Marshal(c.plan)
	if err != nil {
		return outcome{err: err}
	}
	r.Header.Set("Authorization", "Bearer "+consumerKey(c.consumer))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(planHeader, string(travels))
	if c.Ending == inner {
		r.Header.Set("X-Within", withinHeader)
	}
	if c.Ending == impatient {
		timer := time.AfterFunc(time.Duration(c.Pause)*2*time.Millisecond, leave)
		defer timer.Stop()
	}
	res, err := client.Do(r)
	if err != nil {
		return outcome{err: err}
	}
	defer res.Body.Close() //nolint:errcheck // It is read, or was meant to break.
	got.status, got.retry = res.StatusCode, res.Header.Get("Retry-After")
	if c.Ending == leaves && res.StatusCode == http.StatusOK {
		_, got.err = io.ReadFull(res.Body, make([]byte, 100))
		return got
	}
	text, err := io.ReadAll(res.Body)
	if got.err = err; err != nil {
		return got
	}
	if got.status != http.StatusOK {
		var refusal struct{ Error struct{ Code string } }
		if json.Unmarshal(text, &refusal) == nil {
			got.code = refusal.Error.Code
		}
		return got
	}
	last := c.usage()
	if c.Stream { // in which clients that do not ask for usage see none
		last = "data: [DONE]"
	}
	got.complete = bytes.Contains(text, []byte(last))
	return got
}

// definite makes a call until the gateway can tell whether it is within the budget. It
// returns how often that could not be told. A call that has broken before there was an
// answer is made again: a listener that a reload closes resets connections that it has
// not accepted.
func (c *call) definite(t *testing.T, client *http.Client, g *gateway) (got outcome, refusals int) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		switch got = c.send(t.Context(), client, g); {
		case got.err != nil && got.status == 0:
		case got.code != codeUnavailable:
			return got, refusals
		default:
			if refusals++; got.retry == "" {
				t.Errorf("%+v says nothing about when to try again", got)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return got, refusals
}

// withinHeader is what the quota denies by that stands within the one that reserves.
const withinHeader = "tried-before"

// Codes of refusals.
const (
	codeUnavailable = "limits_unavailable"
	codeBudget      = "budget_exceeded"
)
