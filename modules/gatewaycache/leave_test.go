// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestClientLeavesAtTheEnd has a client leave when it has some of a stream, and then the
// proxy break off. Only what has come to its last event is stored.
func TestClientLeavesAtTheEnd(t *testing.T) {
	t.Parallel()
	const more = `,"stream":true,"stream_options":{"include_usage":true}`
	g := newRig(t, "", nil)
	for n := len(chatStream) - len(chatDone) - 1; n <= len(chatStream); n++ {
		for name, breaks := range map[string]func() error{
			"panic": func() error { panic(http.ErrAbortHandler) },
			"error": func() error { return io.ErrUnexpectedEOF },
		} {
			for _, leaves := range []bool{true, false} {
				prompt := fmt.Sprint(n, name, leaves)
				ctx, leave := context.WithCancel(t.Context())
				next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					w.Header().Set("Content-Type", "text/event-stream")
					_, _ = io.WriteString(w, chatStream[:n])
					if leaves {
						leave()
					}
					return breaks()
				})
				func() {
					defer func() { _ = recover() }()
					g.through("alice", ask(prompt, more).WithContext(ctx), next)
				}()
				leave()
				again := g.through("alice", ask(prompt, more), caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					w.WriteHeader(http.StatusTeapot)
					return nil
				}))
				whole := leaves && n == len(chatStream)
				if hit := again.cache.Status == state.CacheHit; hit != whole || hit && again.Body.String() != chatStream {
					t.Errorf("%s after %d of %d bytes, client leaves %v: %+v", name, n, len(chatStream), leaves, again.cache)
				}
			}
		}
	}
}
