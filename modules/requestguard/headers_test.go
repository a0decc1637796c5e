// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// What inspect looks for and what clean removes are two lists of the same
// names, because a switch is the faster way to look.
func TestInspectKnowsWhatIsRemoved(t *testing.T) {
	t.Parallel()
	for _, name := range overrideHeaders {
		if found := inspect(http.Header{name: {"x"}}); !found.override {
			t.Errorf("%s is not seen as an override", name)
		}
	}
	for _, name := range forwardedHeaders {
		if found := inspect(http.Header{name: {"x"}}); !found.forwarded {
			t.Errorf("%s is not seen as a statement of a proxy", name)
		}
	}
	for _, name := range slices.Concat(overrideHeaders[:], forwardedHeaders[:]) {
		if http.CanonicalHeaderKey(name) != name {
			t.Errorf("%s is not canonical", name)
		}
		if !isReservedTrailer(name) {
			t.Errorf("%s is no reserved trailer", name)
		}
	}
}

func TestRestrictUpgrade(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name       string
		websocket  bool
		connection []string
		upgrade    []string
		want       string
	}{
		{"websocket", true, []string{"Upgrade"}, []string{"websocket"}, "[Upgrade] [websocket]"},
		{"websocket in other case", true, []string{"upgrade"}, []string{"WebSocket"}, "[upgrade] [WebSocket]"},
		{"websocket where there is none", false, []string{"Upgrade"}, []string{"websocket"}, "[] []"},
		{"h2c", true, []string{"Upgrade, HTTP2-Settings"}, []string{"h2c"}, "[] []"},
		{"h2c on a connection to be closed", true, []string{"close, Upgrade"}, []string{"h2c"}, "[close] []"},
		{"h2c beside websocket", true, []string{"Upgrade"}, []string{"h2c, websocket"}, "[Upgrade] [websocket]"},
		{"h2c on a line of its own", true, []string{"Upgrade"}, []string{"h2c", "websocket"}, "[Upgrade] [websocket]"},
		{"TLS within HTTP", true, []string{"upgrade"}, []string{"TLS/1.0"}, "[] []"},
		{"a name that begins alike", true, []string{"upgrade"}, []string{"websocket2"}, "[] []"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"Connection": row.connection, "Upgrade": row.upgrade, "Http2-Settings": {"AAMAAABkAAQAoAAA"}}
			restrictUpgrade(h, row.websocket)
			if got := fmt.Sprint(h["Connection"], h["Upgrade"]); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			if _, there := h["Http2-Settings"]; there {
				t.Error("HTTP2-Settings is still there")
			}
		})
	}
}

func TestReservedTrailers(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		want bool
	}{
		{"X-Consumer-Username", true},
		{"x_consumer.groups", true},
		{"X-Credential-Identifier", true},
		{"X-Anonymous-Consumer", true},
		{"Authorization", true},
		{"Apikey", true},
		{"X_API_KEY", true},
		{"X-Forwarded-For", true},
		{"If-Match", true},
		{"Transfer-Encoding", true},
		{"Content-Length", true},
		{"Host", true},
		{"Digest", false},
		{"Grpc-Status", false},
		{"Server-Timing", false},
		{"X-Checksum", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := isReservedTrailer(row.name); got != row.want {
				t.Errorf("got %t, want %t", got, row.want)
			}
		})
	}
}
