// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
	_ "github.com/caddy-gateway/tollgate/modules/lingua"
)

// bothDetectors is a route for which lingua-go is asked what the gateway's own detector
// calls another language.
const bothDetectors = `{
	admin off
	skip_install_trust
	gateway {
		ledger memory
	}
	log {
		output discard
	}
}
http://ADDRESS {
	language_router {
		languages hi ta en de fr
		detect text
		detector script
		detector lingua
		fallback en
	}
	route {
		respond "{gateway.language} {gateway.language.source} {gateway.language.reason}"
	}
}
`

func TestRouteWithBothDetectors(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	file := strings.Replace(bothDetectors, "ADDRESS", address, 1)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(file), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop Caddy: %v", err)
		}
	})
	ask := func(text string) string {
		res, err := http.Post("http://"+address+"/", "application/json", strings.NewReader(`{"text":"`+text+`"}`)) //nolint:noctx // a test server on this machine
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("answer = %d %s, %v", res.StatusCode, body, err)
		}
		return string(body)
	}
	const german = "Wir fahren morgen früh mit dem Zug nach Hamburg und bleiben dort zwei Tage."
	first := ask(german)
	if first != "en fallback not_ready" && first != "de lingua " {
		t.Errorf("while lingua-go is loading, the route says %q", first)
	}
	for deadline := time.Now().Add(time.Minute); first != "de lingua "; first = ask(german) {
		if time.Now().After(deadline) {
			t.Fatalf("lingua-go is not loaded after a minute; the route says %q", first)
		}
	}
	for text, want := range map[string]string{
		"Nous voudrions savoir à quelle heure part le prochain train pour la côte.": "fr lingua ",
		"मेरा भाई कल शाम को बाज़ार से ताज़ी सब्ज़ियाँ लेकर आया था।":                 "hi model ",
		"நாங்கள் நாளை காலை சந்தைக்குப் போகிறோம்.":                                   "ta script ",
		"We would like to know when the next train to the coast leaves.":            "en model ",
	} {
		if got := ask(text); got != want {
			t.Errorf("the route says %q of %q, want %q", got, text, want)
		}
	}
}
