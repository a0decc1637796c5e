// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// field is one line of an HTTP/2 header block.
type field struct{ name, value string }

// sendFrames opens a connection of its own, sends one request as frames and
// returns status and body; status is "reset" where the server broke the
// stream or the connection off.
func sendFrames(t *testing.T, srv *httptest.Server, fields []field, body string, trailers []field) (status, answer string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), &tls.Config{
		RootCAs: roots, ServerName: "example.com", NextProtos: []string{"h2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	headers := func(fields []field, end bool) {
		block.Reset()
		for _, f := range fields {
			_ = encoder.WriteField(hpack.HeaderField{Name: f.name, Value: f.value})
		}
		err := framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	headers(fields, body == "")
	if body != "" {
		if err := framer.WriteData(1, trailers == nil, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if trailers != nil {
			headers(trailers, true)
		}
	}
	return readFrames(framer)
}

func readFrames(framer *http2.Framer) (status, answer string) {
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return "reset", err.Error()
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if s := f.PseudoValue("status"); s != "" {
				status = s
			}
			if f.StreamEnded() {
				return status, answer
			}
		case *http2.DataFrame:
			answer += string(f.Data())
			if f.StreamEnded() {
				return status, answer
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return "reset", answer
		}
	}
}

func request2(method, path string, more ...field) []field {
	return append([]field{{":method", method}, {":scheme", "https"}, {":authority", "gateway.test"}, {":path", path}}, more...)
}

func TestHTTP2Requests(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(site(newGuard(t, "request_guard"), report))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	many := make([]field, 101)
	for i := range many {
		many[i] = field{"x-a", "b"}
	}
	rows := []struct {
		name     string
		fields   []field
		body     string
		trailers []field
		want     string
		has      []string
		lacks    []string
	}{
		{name: "GET", fields: request2("GET", "/v1/models?a=1"), want: "200", has: []string{"passed GET /v1/models?a=1 host gateway.test"}},
		{name: "TRACE", fields: request2("TRACE", "/"), want: "405 method_not_allowed"},
		{name: "method in lower case", fields: request2("get", "/"), want: "405 method_not_allowed"},
		{name: "CONNECT", fields: []field{{":method", "CONNECT"}, {":authority", "127.0.0.1:22"}}, want: "405 method_not_allowed"},
		{name: "path with encoded slash", fields: request2("GET", "/a%2fb"), want: "400 ambiguous_path"},
		{name: "path with dots", fields: request2("GET", "/a/../b"), want: "400 ambiguous_path"},
		{name: "path with encoded dots", fields: request2("GET", "/%2e%2e/b"), want: "400 ambiguous_path"},
		{name: "path with a backslash", fields: request2("GET", "/a\\b"), want: "400 ambiguous_path"},
		{name: "path with a hash", fields: request2("GET", "/a#b"), want: "400 ambiguous_path"},
		{name: "path ending in a raw space", fields: request2("GET", "/admin "), want: "400 ambiguous_path"},
		{name: "path with an empty segment", fields: request2("GET", "//a"), want: "400 ambiguous_path"},
		{name: "path that is a URL", fields: request2("GET", "http://upstream.test/x"), want: "400 absolute_form"},
		{name: "asterisk of GET", fields: request2("GET", "*"), want: "400 absolute_form"},
		{name: "space in the query", fields: request2("GET", "/?a=b c"), want: "400 invalid_query"},
		{name: "semicolon in the query", fields: request2("GET", "/?a=b;c=d"), want: "400 invalid_query"},
		{name: "host that contradicts the authority", fields: request2("GET", "/", field{"host", "other.test"}), want: "400 duplicate_header"},
		{name: "host that repeats the authority", fields: request2("GET", "/", field{"host", "gateway.test"}), want: "200"},
		{name: "userinfo in the authority", fields: []field{{":method", "GET"}, {":scheme", "https"}, {":authority", "a@gateway.test"}, {":path", "/"}}, want: "reset"},
		{name: "connection header", fields: request2("GET", "/", field{"connection", "x-consumer-id"}), want: "400"},
		{name: "upgrade header", fields: request2("GET", "/", field{"upgrade", "h2c"}), want: "400"},
		{name: "too many header lines", fields: request2("GET", "/", many...), want: "431 too_many_headers"},
		{name: "authorization twice", fields: request2("GET", "/", field{"authorization", "Bearer demo-a"}, field{"authorization", "Bearer demo-b"}), want: "401 ambiguous_credentials"},
		{name: "other expectation", fields: request2("POST", "/", field{"expect", "x"}), want: "417 expectation_failed"},
		{
			name: "identity headers and overrides", fields: request2("GET", "/", field{"x-consumer-groups", "gold"}, field{"x_consumer_groups", "gold"}, field{"x-original-url", "gold"}),
			want: "200", lacks: []string{"gold"},
		},
		{
			name: "reserved trailers", fields: request2("POST", "/", field{"trailer", "x-consumer-groups, digest"}), body: "hello",
			trailers: []field{{"x-consumer-groups", "gold"}, {"digest", "abc"}},
			want:     "200", has: []string{"trailer Digest: [abc]", `body "hello"`}, lacks: []string{"gold"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			status, answer := sendFrames(t, srv, row.fields, row.body, row.trailers)
			want, code, _ := strings.Cut(row.want, " ")
			if status != want || code != "" && !strings.Contains(answer, `"code":"`+code+`"`) {
				t.Fatalf("status %s, want %s; body %s", status, row.want, answer)
			}
			for _, s := range row.has {
				if !strings.Contains(answer, s) {
					t.Errorf("%q is not in %s", s, answer)
				}
			}
			for _, s := range row.lacks {
				if strings.Contains(answer, s) {
					t.Errorf("%q is in %s", s, answer)
				}
			}
		})
	}
}
