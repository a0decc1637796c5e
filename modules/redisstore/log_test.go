// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"bytes"
	"io"
	"sync"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(logged) }

// logged is what is logged during tests.
var logged = new(logSink)

// logSink is a log writer that remembers.
type logSink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (*logSink) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers.redisstore_test", New: func() caddy.Module { return logged }}
}

func (*logSink) String() string                        { return "redisstore_test" }
func (*logSink) WriterKey() string                     { return "redisstore_test" }
func (s *logSink) OpenWriter() (io.WriteCloser, error) { return s, nil }
func (*logSink) Close() error                          { return nil }

func (s *logSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// take returns what was logged since the last time.
func (s *logSink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

// Interface guards
var _ caddy.WriterOpener = (*logSink)(nil)
