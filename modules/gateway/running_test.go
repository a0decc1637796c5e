// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// instanceOf runs Caddy in this process with a gateway app, given in JSON, and
// returns the address of its admin endpoint. An empty app means none.
func instanceOf(t *testing.T, app string) string {
	t.Helper()
	address := unused(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // for the ledger
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := load(t, address, app); err != nil {
		t.Fatalf("load: %v", err)
	}
	return address
}

// unused returns an address at which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// load replaces the running config.
func load(t *testing.T, address, app string) error {
	t.Helper()
	apps := ""
	if app != "" {
		apps = `"gateway":` + app
	}
	return caddy.Load([]byte(`{"admin":{"listen":"`+address+`","config":{"persist":false}},`+
		`"logging":`+toTestLog+`,"apps":{`+apps+`}}`), true)
}

// admins is not the default client, whose connections servers of other tests break off
// when they close.
var admins = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ask sends a request to the admin endpoint. Headers are lines "Name: value".
func ask(t *testing.T, method, address, uri string, headers ...string) (status int, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	r.Close = true // the admin endpoint is another one after each load
	res, err := admins.Do(r)
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		// A connection that the kernel gave to the listener of the config before
		// is reset or ended when that one closes.
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		res, err = admins.Do(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(data)
}

// get asks for JSON that must be there.
func get[T any](t *testing.T, address, uri string) (v T) {
	t.Helper()
	status, _, body := ask(t, http.MethodGet, address, uri)
	if status != http.StatusOK {
		t.Fatalf("%s answers %d: %s", uri, status, body)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s answers %s: %v", uri, body, err)
	}
	return v
}

// active is the app that runs.
func active(t *testing.T) *App {
	t.Helper()
	app, err := running()
	if err != nil {
		t.Fatal(err)
	}
	return app
}
