// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// reverse_proxy writes 499 and returns no error when its client has left. An upstream
// that answers so is another thing.
func TestClientThatLeavesBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		left bool
		code string
	}{
		"the client has left":      {true, state.CodeClientClosed},
		"the upstream answers 499": {false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/messages", nil)
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &caddyhttp.Server{})
			err := state.Serve(handle(pass), h, w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				if tc.left {
					leave()
				}
				w.WriteHeader(state.StatusClientClosed)
				return nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if _, rq := h.wait(t); rq.Failure.Code != tc.code {
				t.Errorf("failure %+v, want code %q", rq.Failure, tc.code)
			}
		})
	}
}
