// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"net/http"
	"net/url"
	"testing"
)

func TestFirstParam(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                   "",
		"lang=hi":            "hi",
		"a=b&lang=hi&lang=x": "hi",
		"lang=&from=ta":      "ta",
		"lang=+%09&from=ta":  "ta",
		"from=ta&lang=hi":    "hi",
		"lang":               "",
		"l%61ng=h%69":        "hi",
		"lang=%zz":           "%zz",
		"%zz=hi&lang=ta":     "ta",
		"lang=hi;from=ta":    "hi;from=ta",
		"&&=&lang=hi":        "hi",
	} {
		if got := firstParam(query, []string{"lang", "from"}); got != want {
			t.Errorf("firstParam(%q) = %q, want %q", query, got, want)
		}
	}
}

// FuzzParam compares with net/url where that finds no fault.
func FuzzParam(f *testing.F) {
	f.Add("a=b&lang=h%69&lang=x", "lang")
	f.Add("l+g=&l%20g=2", "l g")
	f.Fuzz(func(t *testing.T, query, name string) {
		values, err := url.ParseQuery(query)
		if err != nil || name == "" {
			_ = param(query, name)
			return
		}
		if got, want := param(query, name), values.Get(name); got != want {
			t.Errorf("param(%q, %q) = %q, want %q", query, name, got, want)
		}
	})
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	rows := []struct {
		method, media, upgrade string
		length                 int64
		want                   kind
	}{
		{"POST", "application/json", "", 5, jsonBody},
		{"POST", "APPLICATION/JSON ; charset=utf-8", "", -1, jsonBody},
		{"POST", "application/ld+json", "", 5, jsonBody},
		{"POST", "application/jsonx", "", 5, unread},
		{"POST", "+json", "", 5, jsonBody},
		{"POST", "text/plain;charset=utf-8", "", 5, plain},
		{"POST", "text/html", "", 5, unread},
		{"POST", "application/x-www-form-urlencoded", "", 5, form},
		{"POST", "multipart/form-data; boundary=x", "", 5, form},
		{"POST", "multipart/mixed; boundary=x", "", 5, unread},
		{"POST", "", "", 5, unlabelled},
		{"POST", "application/json", "", 0, unread},
		{"GET", "application/json", "", 5, jsonBody},
		{"GET", "application/json", "websocket", -1, unread},
		{"POST", "application/json", "h2c", 5, jsonBody},
		{"CONNECT", "application/json", "", -1, unread},
	}
	for _, row := range rows {
		r := &http.Request{Method: row.method, Header: http.Header{}, Body: new(untouchable), ContentLength: row.length}
		if row.media != "" {
			r.Header.Set("Content-Type", row.media)
		}
		if row.upgrade != "" {
			r.Header.Set("Upgrade", row.upgrade)
		}
		if got := kindOf(r); got != row.want {
			t.Errorf("%+v: %d", row, got)
		}
	}
}
