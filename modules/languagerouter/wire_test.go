// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// arrived is a request as an upstream behind Caddy's proxy gets it.
type arrived struct {
	header, trailer http.Header
	body            string
	length          int64
	err             error
}

// proxied runs a Caddy with the handler in front of a reverse proxy, and returns a dialer
// of it and what arrives at the upstream.
func proxied(t *testing.T, opts string) (dial func() net.Conn, upstream <-chan arrived) {
	t.Helper()
	requests := make(chan arrived, 1)
	u := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		requests <- arrived{r.Header, r.Trailer, string(body), r.ContentLength, err}
	}))
	t.Cleanup(u.Close)
	socket := filepath.Join(t.TempDir(), "c")
	if len(socket) > 100 {
		t.Fatalf("%s is no name for a socket", socket)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(fmt.Appendf(nil, `{
		admin off
		auto_https off
		persist_config off
		grace_period 1ms
		gateway {
			ledger memory
		}
		log {
			output discard
		}
	}
	http:// {
		bind unix/%s
		language_router {
			%s
		}
		reverse_proxy %s
	}`, socket, opts, u.Listener.Addr()), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	return func() net.Conn {
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		return conn
	}, requests
}

// chunks writes a body in chunks, as HTTP/1.1 frames one without a length.
func chunks(body string) string {
	var b strings.Builder
	for piece := range slices.Chunk([]byte(body), 500) {
		fmt.Fprintf(&b, "%x;ext=1\r\n%s\r\n", len(piece), piece)
	}
	return b.String() + "0\r\n"
}

const edited = "body lang\nset_body id {\n* one\n}\nmax_body 2KiB"

// TestWire sends bytes and looks at what the upstream gets: a body that was edited has its
// new length, a longer one passes as it is, and trailers come behind both.
func TestWire(t *testing.T) {
	dial, upstream := proxied(t, edited)
	const head = "POST /x HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
	short := `{"lang":"hi"}`
	long := `{"lang":"hi","pad":"` + strings.Repeat("0123456789", 500) + `"}`
	rows := []struct {
		name, request string
		body          string
		length        int64
		trailer       string
		language      string
	}{
		{"announced", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(short), short), `{"id":"one","lang":"hi"}`, 24, "", "hi"},
		{"announced, long", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(long), long), long, int64(len(long)), "", ""},
		{"in chunks", head + "Transfer-Encoding: chunked\r\n\r\n" + chunks(short) + "\r\n", `{"id":"one","lang":"hi"}`, 24, "", "hi"},
		{"in chunks, long", head + "Transfer-Encoding: chunked\r\n\r\n" + chunks(long) + "\r\n", long, -1, "", ""},
		{"with a trailer", head + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunks(short) + "X-Sum: 1\r\n\r\n", `{"id":"one","lang":"hi"}`, -1, "1", "hi"},
		{"with a trailer, long", head + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunks(long) + "X-Sum: 1\r\n\r\n", long, -1, "1", ""},
		{"expecting", fmt.Sprintf("%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", head, len(short), short), `{"id":"one","lang":"hi"}`, 24, "", "hi"},
		{
			"claiming", head + "X-Detected-Language: ta\r\nx_detected_language: ta\r\nX-Detected_Language: ta\r\nX-DETECTED-LANGUAGE-SOURCE: body\r\n" +
				"Connection: X-Detected-Language\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(short), short),
			`{"id":"one","lang":"hi"}`, 24, "", "hi",
		},
	}
	before := state.Buffered()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			conn := dial()
			if _, err := io.WriteString(conn, row.request); err != nil {
				t.Fatal(err)
			}
			answer := bufio.NewReader(conn)
			resp, err := http.ReadResponse(answer, nil)
			for err == nil && resp.StatusCode == http.StatusContinue {
				resp, err = http.ReadResponse(answer, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d", resp.StatusCode)
			}
			got := <-upstream
			if got.err != nil || got.body != row.body || got.length != row.length {
				t.Errorf("got %.80q (%d bytes of %d), %v", got.body, len(got.body), got.length, got.err)
			}
			if got.trailer.Get("X-Sum") != row.trailer {
				t.Errorf("trailers %v", got.trailer)
			}
			if got.header.Get(state.HeaderLanguage) != row.language {
				t.Errorf("language %q", got.header.Get(state.HeaderLanguage))
			}
			for name, values := range got.header {
				if strings.Contains(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "detected") && slices.Contains(values, "ta") {
					t.Errorf("%s: %v, which the client has claimed", name, values)
				}
			}
		})
	}
	eventuallyBuffered(t, before)
}

// TestClientsWhoBreakOff leave in the middle of a body, of a short one and of one that is
// passed on while it comes: no upstream takes what came for the whole, and the memory is
// given back.
func TestClientsWhoBreakOff(t *testing.T) {
	dial, upstream := proxied(t, edited)
	before := state.Buffered()
	for _, size := range []int{100, 10_000} {
		conn := dial()
		_, err := fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
			size, strings.Repeat("x", size))
		if err != nil {
			t.Fatal(err)
		}
		if size > 2<<10 {
			eventually(t, "the beginning is in memory", func() bool { return state.Buffered() > before })
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		eventuallyBuffered(t, before)
	}
	select {
	case got := <-upstream:
		if got.err == nil {
			t.Errorf("the upstream takes %d bytes for the whole", len(got.body))
		}
	default:
	}
}

func eventuallyBuffered(t *testing.T, want int64) {
	t.Helper()
	eventually(t, "the memory is given back", func() bool { return state.Buffered() == want })
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
