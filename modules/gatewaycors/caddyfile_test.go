// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	const src = "gateway_cors {\norigins https://a.test\norigins https://*.b.test\norigin_patterns `https://c\\d\\.test`\nmethods GET PUT\n" +
		"headers apikey\nheaders X-A\nexposed_headers ETag\nmax_age 1h\ncredentials\nprivate_network\nenforce\n}"
	const want = `{"origins":["https://a.test","https://*.b.test"],"origin_patterns":["https://c\\d\\.test"],"methods":["GET","PUT"],` +
		`"headers":["apikey","X-A"],"exposed_headers":["ETag"],"max_age":3600000000000,"credentials":true,"private_network":true,"enforce":true}`
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(src)); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(&h); err != nil || string(got) != want {
		t.Errorf("error %v\ngot  %s\nwant %s", err, got, want)
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"no scheme", "gateway_cors example.com", `origins: "example.com" has no scheme; write https://example.com, or http://example.com, at Testfile:1`},
		{"a slash", "gateway_cors https://a.test/", `"https://a.test/" has a path; an origin ends behind host and port: write https://a.test`},
		{"a path", "gateway_cors https://a.test/x", "write https://a.test"},
		{"upper case", "gateway_cors https://A.test", "write https://a.test"},
		{"the scheme's own port", "gateway_cors https://a.test:443", "browsers leave the port 443 of https out; write https://a.test"},
		{"the port of http", "gateway_cors http://a.test:80", "write http://a.test"},
		{"another script", "gateway_cors https://उदाहरण.test", "begins with xn--"},
		{"nonsense", "gateway_cors https://a_b$c", "is no origin; write one such as"},
		{"a star inside", "gateway_cors https://a*.example.com", "for anything else there is origin_patterns"},
		{"a star for a domain", "gateway_cors https://*.com", "is far too much"},
		{"a star for names below an address", "gateway_cors http://*.127.0.0.1", "there is nothing below an address"},
		{"a star for scheme and host", "gateway_cors *://a.test", "* stands before the host"},
		{"all and one", "gateway_cors * https://a.test", "* is all of them; write it alone"},
		{"twice", "gateway_cors https://a.test https://a.test", "https://a.test is listed twice"},
		{"origins in two places", "gateway_cors https://a.test {\norigins https://b.test\n}", "there are origins on the first line already"},
		{"a bad pattern", "gateway_cors {\norigin_patterns (\n}", "is no regular expression"},
		{"a dot in a pattern", "gateway_cors {\norigin_patterns https://app.example.com\n}", `a dot stands for any character; write \. for a dot`},
		{"credentials for all", "gateway_cors {\ncredentials\n}", "credentials: with all origins any page could do it; list those that may, such as https://app.example.com, at Testfile:2"},
		{"credentials for all by a star", "gateway_cors * {\ncredentials\n}", "with all origins"},
		{"credentials for all by a pattern", "gateway_cors {\norigin_patterns .*\ncredentials\n}", "with all origins"},
		{"credentials for null", "gateway_cors null {\ncredentials\n}", "null is the origin of any page in a sandboxed frame"},
		{"a private network for all", "gateway_cors {\nprivate_network\n}", "private_network: with all origins"},
		{"nothing to enforce", "gateway_cors {\nenforce\n}", "enforce: with all origins"},
		{"TRACE", "gateway_cors {\nmethods TRACE\n}", "no browser lets a page use TRACE"},
		{"a method in lower case", "gateway_cors {\nmethods get\n}", "write GET"},
		{"a method twice", "gateway_cors {\nmethods GET GET\n}", "GET is listed twice"},
		{"all methods", "gateway_cors {\nmethods *\n}", `"*" is not a method`},
		{"all headers and one", "gateway_cors {\nheaders * apikey\n}", "* is all of them"},
		{"a bad header", "gateway_cors {\nheaders a(b\n}", "headers: "},
		{"a header twice", "gateway_cors {\nheaders apikey APIKEY\n}", "APIKEY is listed twice"},
		{"all exposed, with credentials", "gateway_cors https://a.test {\ncredentials\nexposed_headers *\n}", "browsers take * for the name of a header"},
		{"a long age", "gateway_cors {\nmax_age 31d\n}", "max_age"},
		{"a part of a second", "gateway_cors {\nmax_age 1500ms\n}", "no whole number of seconds"},
		{"another profile", "gateway_cors {\nprofile tyk\n}", "kong"},
		{"an option of Kong", "gateway_cors {\npreflight_continue\n}", "it needs the profile kong"},
		{"another option of Kong", "gateway_cors {\nallow_origin_absent off\n}", "it needs the profile kong"},
		{"an option that Kong lacks", "gateway_cors https://a.test {\nprofile kong\nenforce\n}", "the profile kong has no such rule"},
		{"patterns in their own option", "gateway_cors {\nprofile kong\norigin_patterns https://.*\n}", "origins holds patterns as well"},
		{"an unknown option", "gateway_cors {\nallow *\n}", `unknown option "allow"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
	for config, want := range map[string]string{
		`{"profile":"tyk"}`:  `"tyk" is no profile`,
		`{"max_age":"800h"}`: "is not from 0 to 30 days",
		`{"max_age":"-1s"}`:  "is not from 0 to 30 days",
	} {
		h := new(Handler)
		if err := json.Unmarshal([]byte(config), h); err != nil {
			t.Fatal(err)
		}
		if err := h.compile(false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
}

// TestProfileOfTheFile checks that origins as Kong has them are read where the global
// options say so.
func TestProfileOfTheFile(t *testing.T) {
	t.Parallel()
	for profile, ok := range map[string]bool{"profile kong": true, "metrics_consumers 10": false} {
		src := "{\ngateway {\n" + profile + "\n}\n}\n:8080 {\ngateway_cors example.com\n}\n"
		_, _, err := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}.Adapt([]byte(src), map[string]any{"filename": "Testfile"})
		if (err == nil) != ok {
			t.Errorf("%s: %v", profile, err)
		}
	}
}
