// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// load makes Caddy, in this process, serve a configuration.
func (s *site) load(t *testing.T, number int) {
	t.Helper()
	if err := s.tryLoad(number); err != nil {
		t.Fatalf("load config: %v", err)
	}
}

func (s *site) tryLoad(number int) error {
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(s.caddyfile(number)), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err
	}
	return caddy.Load(adapted, true)
}

// entry is what a line of the access log says about a request.
type entry struct {
	id     string
	counts counts
	exact  bool
	cost   string
}

// readEntry reads a line, of whatever log. Only those of the access log have an id.
func readEntry(line []byte) (e entry, err error) {
	var fields struct {
		Gateway struct {
			ID  string `json:"correlation_id"`
			LLM map[string]any
		}
	}
	err = json.Unmarshal(line, &fields)
	llm := fields.Gateway.LLM
	e.id = fields.Gateway.ID
	e.exact, _ = llm["exact"].(bool)
	e.cost, _ = llm["cost_usd"].(string)
	for c, name := range classNames {
		n, _ := llm["tokens_"+name].(float64)
		e.counts[c] = int64(n)
	}
	return e, err
}

// accessLog collects the access log of a Caddy in this process. It is a log writer
// module's destination.
type accessLog struct {
	mu      sync.Mutex
	partial []byte
	lines   []entry
	changed chan struct{} // closed, and made anew, when there is a line more
	errors  []string
}

// theLog is the one that writers write to: tests run one after another.
var theLog = &accessLog{changed: make(chan struct{})}

// Write implements io.Writer.
func (l *accessLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, ok := bytes.Cut(l.partial, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		e, err := readEntry(line)
		if err != nil {
			l.errors = append(l.errors, err.Error()+": "+string(line))
		}
		if e.id != "" {
			l.lines = append(l.lines, e)
			close(l.changed)
			l.changed = make(chan struct{})
		}
		l.partial = append(l.partial[:0:0], rest...)
	}
}

// forget begins a new log.
func (l *accessLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines, l.errors = nil, nil
}

// await returns the lines as soon as there are so many, or nil if that takes too long.
func (l *accessLog) await(t *testing.T, count int) []entry {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		lines, changed := l.lines, l.changed
		if len(l.errors) > 0 {
			t.Errorf("log lines cannot be read: %s", l.errors)
		}
		l.mu.Unlock()
		if len(lines) >= count {
			return lines
		}
		select {
		case <-changed:
		case <-deadline:
			t.Errorf("%d requests are in the access log, want %d", len(lines), count)
			return lines
		}
	}
}

func init() { caddy.RegisterModule(new(logWriter)) }

// logWriter is a log writer module that writes to theLog.
type logWriter struct{}

// CaddyModule describes the log writer to Caddy.
func (*logWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers.accounting", New: func() caddy.Module { return new(logWriter) }}
}

func (*logWriter) String() string    { return "accounting" }
func (*logWriter) WriterKey() string { return "accounting" }

// OpenWriter implements caddy.WriterOpener.
func (*logWriter) OpenWriter() (io.WriteCloser, error) { return openLog{theLog}, nil }

// UnmarshalCaddyfile takes no arguments.
func (*logWriter) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

type openLog struct{ io.Writer }

func (openLog) Close() error { return nil }

// Interface guards
var (
	_ caddy.WriterOpener    = (*logWriter)(nil)
	_ caddyfile.Unmarshaler = (*logWriter)(nil)
)
