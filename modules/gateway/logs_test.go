// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"strings"
	"testing"
)

func TestWarnAboutLogs(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // a gateway may be running on this machine
	const (
		consumers = `{"consumers":[{"name":"alice","keys":["sha256:0f0e0d0c0b0a09080706050403020100ffeeddccbbaa99887766554433221100"]}]}`
		redacting = `{"logs":{"default":{"writer":{"output":"gateway_test"},"encoder":{"format":"gateway_test"}}}}`
		// The site's own log redacts, the default log does not get its entries.
		siteRedacts = `{"logs":{"default":{"writer":{"output":"gateway_test"},"exclude":["http.log.access.site","http.log.error"]},` +
			`"site":{"writer":{"output":"gateway_test"},"encoder":{"format":"gateway_test"},"include":["http.log.access.site","http.log.error"]}}}`
	)
	server := func(logs string) string {
		return `{"servers":{"demo":{"listen":["127.0.0.1:0"],"automatic_https":{"disable":true}` + logs + `}}}`
	}
	for _, test := range []struct {
		name, logging, gateway, http string
		want                         []string // logs that are warned about
	}{
		{"no access log", toTestLog, consumers, server(""), []string{"http.log.error"}},
		{"plain access log", toTestLog, consumers, server(`,"logs":{}`), []string{"http.log.access", "http.log.error"}},
		{
			"named logs", toTestLog, consumers,
			server(`,"logs":{"default_logger_name":"all","logger_names":{"a.example":["site"]}}`),
			[]string{"http.log.access.all", "http.log.access.site", "http.log.error"},
		},
		{
			"unmapped hosts are not logged", toTestLog, consumers,
			server(`,"logs":{"skip_unmapped_hosts":true,"logger_names":{"a.example":["site"]}}`),
			[]string{"http.log.access.site", "http.log.error"},
		},
		{"encoder that redacts", redacting, consumers, server(`,"logs":{}`), nil},
		{"site's encoder redacts", siteRedacts, consumers, server(`,"logs":{"skip_unmapped_hosts":true,"logger_names":{"a.example":["site"]}}`), nil},
		{"no consumer", toTestLog, `{}`, server(`,"logs":{}`), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			app, err := provisionWith(t, test.logging, map[string]string{"gateway": test.gateway, "http": test.http})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = app.Cleanup() })
			if err := app.Start(); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(app.plainLogs, test.want) {
				t.Errorf("logs that can show keys are %q, want %q", app.plainLogs, test.want)
			}
			text := logged.take()
			if got := strings.Count(text, "can show API keys"); got != len(test.want) {
				t.Errorf("%d warnings in the log, want %d: %s", got, len(test.want), text)
			}
			for _, name := range test.want {
				if !strings.Contains(text, `"`+name+`"`) {
					t.Errorf("no warning names %s", name)
				}
			}
			want := HealthOK
			if len(test.want) > 0 {
				want = HealthDegraded
			}
			if got := app.checkHealth(t.Context()); got.Parts["logs"].Status != want || got.Status != want {
				t.Errorf("health is %+v, want %s", got, want)
			}
		})
	}
}

func TestNoHTTPApp(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	app := provision(t, `{"consumers":[{"name":"alice"}]}`)
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if text := logged.take(); strings.Contains(text, "can show API keys") {
		t.Errorf("warns about logs that get no requests: %s", text)
	}
}
