// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// RFC 9111 sections 3.1, 5.2.2.4 and 5.2.2.7.
func TestStoredHeader(t *testing.T) {
	t.Parallel()
	date := "Date: " + ago(0)
	for _, row := range []struct {
		name   string
		o      Options
		header []string
		want   string
	}{
		{"end to end", Options{}, []string{date, "A: 1", "Content-Type: text/plain"}, "A Content-Type Date"},
		{"of the connection", Options{}, []string{
			date, "Connection: close", "Keep-Alive: 1", "TE: x", "Trailer: x", "Transfer-Encoding: chunked", "Upgrade: x",
			"Proxy-Authenticate: x", "Proxy-Authentication-Info: x", "Proxy-Authorization: x", "Proxy-Connection: x",
			"Proxy-Status: p",
		}, "Date Proxy-Status"},
		{"named by Connection", Options{}, []string{date, "Connection: x-a, ,X-B", "Connection: x-c", "X-A: 1", "X-B: 1", "X-C: 1", "X-D: 1"}, "Date X-D"},
		{"Age and no Date", Options{}, []string{"Age: 5"}, "Date"},
		{"cookies", Options{}, []string{date, "Set-Cookie: a=b", "Set-Cookie2: a=b"}, "Date"},
		{"cookies kept", Options{Cookies: KeepCookies}, []string{date, "Set-Cookie: a=b"}, "Date Set-Cookie"},
		{"no-cache of fields", Options{}, []string{date, `Cache-Control: no-cache="x-a, X-B"`, "X-A: 1", "X-B: 1", "X-C: 1"}, "Cache-Control Date X-C"},
		{"private of fields", Options{}, []string{date, `Cache-Control: private="x-a"`, "X-A: 1"}, "Cache-Control Date"},
		{"private of fields in a private cache", Options{Scope: Private}, []string{date, `Cache-Control: private="x-a"`, "X-A: 1"}, "Cache-Control Date X-A"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := New(row.o).StoredHeader(fields(row.header...), at)
			if names := strings.Join(slices.Sorted(maps.Keys(got)), " "); names != row.want {
				t.Errorf("kept %s, want %s", names, row.want)
			}
			if got.Get("Date") != ago(0) {
				t.Errorf("Date is %q", got.Get("Date"))
			}
		})
	}
}

func TestStoredHeaderSharesNothing(t *testing.T) {
	t.Parallel()
	h := fields("A: 1")
	kept := New(Options{}).StoredHeader(h, at)
	h["A"][0] = "2"
	if kept.Get("A") != "1" {
		t.Error("the stored header changed with the answer's")
	}
}

func TestDropForNotModified(t *testing.T) {
	t.Parallel()
	h := fields("Content-Type: a", "Content-Length: 1", "Content-Encoding: gzip", "Content-Location: /", `ETag: "a"`, "Vary: b", "Cache-Control: c")
	DropForNotModified(h)
	if got := strings.Join(slices.Sorted(maps.Keys(h)), " "); got != "Cache-Control Content-Location Etag Vary" {
		t.Errorf("left %s", got)
	}
}

func TestSetConditions(t *testing.T) {
	t.Parallel()
	client := []string{`If-None-Match: "client"`, "If-Modified-Since: " + ago(1), `If-Range: "client"`, "Range: bytes=0-1", "Accept: a"}
	for _, row := range []struct {
		name string
		m    Meta
		want http.Header
	}{
		{"tag and date", Meta{ETag: `W/"a"`, LastModified: ago(9)}, fields(`If-None-Match: W/"a"`, "If-Modified-Since: "+ago(9), "Accept: a")},
		{"tag", Meta{ETag: `"a"`}, fields(`If-None-Match: "a"`, "Accept: a")},
		{"neither", Meta{}, fields("Accept: a")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := fields(client...)
			row.m.SetConditions(h)
			if !maps.EqualFunc(h, row.want, slices.Equal) {
				t.Errorf("asks with %v, want %v", h, row.want)
			}
		})
	}
}
