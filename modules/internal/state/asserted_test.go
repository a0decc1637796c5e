// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"testing"
)

func TestAssertHeader(t *testing.T) {
	t.Parallel()
	rq, h := new(Request), http.Header{"X-User": {"forged", "twice"}, "X-Role": {"root"}}
	rq.RetractHeader(h, "X-Role")
	rq.AssertHeader(h, "X-User", "alice")
	rq.RetractHeader(h, "X-User")
	if len(h) != 1 || len(h["X-User"]) != 1 || h.Get("X-User") != "alice" {
		t.Errorf("headers %v", h)
	}
	rq.AssertHeader(h, "X-User", "bob")
	if h.Get("X-User") != "bob" || len(rq.asserted) != 1 {
		t.Errorf("headers %v, asserted %v", h, rq.asserted)
	}
	h.Set("X-Other", "of the client")
	rq.disown(h)
	if len(h) != 1 || h.Get("X-Other") == "" || len(rq.asserted) != 0 {
		t.Errorf("of nobody: headers %v, asserted %v", h, rq.asserted)
	}
}
