// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// Sink collects the lines that a Caddy logs, and lets a test wait for one. It is an
// [io.Writer].
type Sink struct {
	name string

	mu      sync.Mutex
	changed *sync.Cond
	written bytes.Buffer
}

// sinks finds the sink that a configuration names.
var sinks sync.Map

// sinkCount makes the names of sinks differ. Caddy keeps log writers open by name, also
// after it has stopped, so that a test which runs twice needs two names.
var sinkCount atomic.Int64

func newSink(t *testing.T) *Sink {
	s := &Sink{name: fmt.Sprintf("%s %d", t.Name(), sinkCount.Add(1))}
	s.changed = sync.NewCond(&s.mu)
	sinks.Store(s.name, s)
	t.Cleanup(func() { sinks.Delete(s.name) })
	return s
}

// Write adds p to what has been logged.
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
	return s.written.Write(p)
}

// String returns everything logged so far.
func (s *Sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.String()
}

// Wait returns the first line that contains all the given texts. It waits until there
// is one, since Caddy writes an access log only after the client has its answer.
func (s *Sink) Wait(t *testing.T, texts ...string) string {
	t.Helper()
	expired := false
	timer := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		expired = true
		s.changed.Broadcast()
	})
	defer timer.Stop()

	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		complete := s.written.String()
		complete = complete[:strings.LastIndexByte(complete, '\n')+1]
		for line := range strings.Lines(complete) {
			if containsAll(line, texts) {
				return strings.TrimSuffix(line, "\n")
			}
		}
		if expired {
			t.Fatalf("no log line contains %q; logged:\n%s", texts, complete)
		}
		s.changed.Wait()
	}
}

// WaitObject is Wait for logs in JSON: it returns the line decoded.
func (s *Sink) WaitObject(t *testing.T, texts ...string) object {
	t.Helper()
	line := s.Wait(t, texts...)
	var entry object
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatalf("decode log line: %v\n%s", err, line)
	}
	return entry
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

func init() { caddy.RegisterModule(sinkWriter{}) }

// sinkWriter is a log writer module that writes to a [Sink] of this process.
type sinkWriter struct {
	Sink string `json:"sink"`
}

// CaddyModule describes the log writer to Caddy.
func (sinkWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.writers.test_sink",
		New: func() caddy.Module { return new(sinkWriter) },
	}
}

func (w sinkWriter) String() string    { return "test sink " + w.Sink }
func (w sinkWriter) WriterKey() string { return "test_sink:" + w.Sink }

// OpenWriter finds the sink of the test that wrote the configuration.
func (w sinkWriter) OpenWriter() (io.WriteCloser, error) {
	s, ok := sinks.Load(w.Sink)
	if !ok {
		return nil, fmt.Errorf("no sink %q", w.Sink)
	}
	return openSink{s.(*Sink)}, nil
}

type openSink struct{ io.Writer }

func (openSink) Close() error { return nil }

// Interface guards
var _ caddy.WriterOpener = sinkWriter{}
