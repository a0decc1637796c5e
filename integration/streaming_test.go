// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// streamingCaddyfile has three sites with certificates of Caddy's own authority: one in
// a server without access log, one with, one that compresses as well.
const streamingCaddyfile = chainGlobals + `
(routes) {
	correlation_id
	request_guard

	handle_path /llm/openai/* {
		import chain openai
		reverse_proxy {{UPSTREAM}}
	}
	handle_path /llm/anthropic/* {
		import chain anthropic
		reverse_proxy {{UPSTREAM}}
	}
	handle_path /llm/ollama/* {
		import chain ollama
		reverse_proxy {{UPSTREAM}}
	}
	handle {
		error 404
	}
}

https://quiet.localhost:{{PORT2}} {
	tls internal
	import routes
}

https://logged.localhost:{{PORT}} {
	tls internal
	log {
		format gateway json
	}
	import routes
}

https://encoded.localhost:{{PORT}} {
	tls internal
	log {
		format gateway json
	}
	encode
	import routes
}
`

// site is a name and the port at which it is.
type site struct{ name, host, addr string }

func TestEventsArriveBeforeTheNextIsProduced(t *testing.T) {
	up := stepper(t)
	g := gateway(t, streamingCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	roots := localAuthority(t, g)
	sites := []site{
		{"without access log", "quiet.localhost", "127.0.0.1:" + g.Value("PORT2")},
		{"with access log", "logged.localhost", g.Addr},
		{"with encode", "encoded.localhost", g.Addr},
	}
	for _, s := range sites {
		awaitCertificate(t, s, roots)
	}
	for proto, dial := range map[string]func(*testing.T, site, *x509.CertPool) *http.Client{
		"HTTP/1.1": http1Client, "HTTP/2.0": http2Client, "HTTP/3.0": http3Client,
	} {
		for _, s := range sites {
			client := dial(t, s, roots)
			for _, f := range streams {
				t.Run(proto+" "+s.name+"/"+f.name, func(t *testing.T) {
					checkImmediate(t, g, up, client, proto, s, f)
				})
			}
		}
	}
}

// checkImmediate reads a stream whose next event is produced only when the client has
// the one before.
func checkImmediate(t *testing.T, g *Gateway, up *Stepper, client *http.Client, proto string, s site, f streamed) {
	t.Helper()
	query := "?by=model&model=" + f.model
	before := onlyUsage(t, g, query)
	_, port, _ := net.SplitHostPort(s.addr)
	headers := []string{"Authorization: Bearer " + callerKey}
	encoded := s.host == "encoded.localhost"
	if encoded {
		headers = append(headers, "Accept-Encoding: gzip")
	}

	up.Step()
	res := open(t, client, http.MethodPost, "https://"+s.host+":"+port+f.path, f.request, headers)
	if res.StatusCode != 200 || res.Proto != proto {
		t.Fatalf("answer is %s %d: %s", res.Proto, res.StatusCode, finish(t, res).Body)
	}
	body := io.Reader(res.Body)
	if encoded {
		body = decompressed(t, res)
	}
	for i, event := range f.events {
		got := make([]byte, len(event))
		if _, err := io.ReadFull(body, got); err != nil {
			t.Fatalf("read event %d: %v", i, err)
		}
		if string(got) != event {
			t.Fatalf("event %d is %q, want %q", i, got, event)
		}
		if i < len(f.events)-1 {
			up.Step()
		}
	}
	after := onlyUsage(t, g, query)
	if after.Requests != before.Requests+1 || after.Exact != before.Exact+1 ||
		after.Input != before.Input+20 || after.Output != before.Output+5 {
		t.Errorf("when the last event was there, usage had gone from %+v to %+v", before, after)
	}
	if want := usd(picoOf(t, before.Cost) + picoOf(t, f.cost)); after.Cost != want {
		t.Errorf("cost went from %s to %s, want %s", before.Cost, after.Cost, want)
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("after the last event: %q, %v", rest, err)
	}
	if err := <-up.ended; err != nil {
		t.Errorf("the upstream could not send everything: %v", err)
	}
}

// decompressed reads an answer that has to be compressed. A stream that Caddy leaves
// alone because of its type is read as it is.
func decompressed(t *testing.T, res *http.Response) io.Reader {
	t.Helper()
	if res.Header.Get("Content-Encoding") == "" && strings.Contains(res.Header.Get("Content-Type"), "ndjson") {
		return res.Body // not among the types that encode compresses
	}
	if got := res.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("Content-Encoding is %q, want gzip", got)
	}
	body, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatalf("read compressed stream: %v", err)
	}
	return body
}

// localAuthority returns the root certificate of Caddy's own authority.
func localAuthority(t *testing.T, g *Gateway) *x509.CertPool {
	t.Helper()
	var ca struct {
		Root string `json:"root_certificate"`
	}
	answer := g.Admin("/pki/ca/local")
	if err := json.Unmarshal([]byte(answer.Body), &ca); err != nil {
		t.Fatalf("decode authority: %v\n%s", err, answer.Body)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ca.Root)) {
		t.Fatalf("read root certificate: no PEM in %q", ca.Root)
	}
	return roots
}

// awaitCertificate waits until a site has its certificate, which Caddy obtains in the
// background.
func awaitCertificate(t *testing.T, s site, roots *x509.CertPool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: s.host}}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", s.addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("wait for the certificate of %s: %v", s.host, err)
		}
	}
}

func http1Client(t *testing.T, s site, roots *x509.CertPool) *http.Client {
	client := newClient(t, "tcp", s.addr)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	return client
}

func http2Client(t *testing.T, s site, roots *x509.CertPool) *http.Client {
	client := http1Client(t, s, roots)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	return client
}

func http3Client(t *testing.T, s site, roots *x509.CertPool) *http.Client {
	transport := &http3.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: roots},
		DisableCompression: true,
		Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, s.addr, tlsConfig, config)
		},
	}
	t.Cleanup(func() { _ = transport.Close() })
	return &http.Client{Transport: transport}
}
