// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	// aliceDigest is that of the password demo-password, with the lowest cost.
	aliceDigest     = "$2a$04$XTRCv/5FKgoqd3FT8UxzC.2C7hULipkKQdMHQsYH2V7hhbJyA1tmm"
	aliceReportsKey = "demo-key-of-alice-not-a-secret"
)

// asUser is the header of a user and a password.
func asUser(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// anyAuthGateway loads the example with an upstream that answers everything.
func anyAuthGateway(t *testing.T) (*Gateway, *Upstream) {
	t.Helper()
	up := upstream(t, nil)
	return exampleGateway(t, "any-auth.Caddyfile", map[string]string{"ALICE_KEY": aliceReportsKey, "API_SERVER": up.Addr}), up
}

func TestAnyAuth(t *testing.T) {
	g, up := anyAuthGateway(t)
	const unknownUser = "any, another user"
	key, bearer, password := "apikey: "+aliceReportsKey, "Authorization: Bearer "+aliceReportsKey, asUser("alice", "demo-password")
	for name, tc := range map[string]struct {
		path     string
		headers  []string
		status   int
		code     string
		consumer string
		by       string
	}{
		"any, key":                       {"/reports/1", []string{key}, 200, "", "alice", "key_"},
		"any, key as bearer":             {"/reports/1", []string{bearer}, 200, "", "alice", "key_"},
		"any, password":                  {"/reports/1", []string{password}, 200, "", "alice", "http_basic"},
		"any, wrong key, right password": {"/reports/1", []string{"apikey: wrong", password}, 200, "", "alice", "http_basic"},
		"any, right key, wrong password": {"/reports/1", []string{key, asUser("alice", "wrong")}, 200, "", "alice", "key_"},
		"any, wrong key":                 {"/reports/1", []string{"apikey: wrong"}, 401, "key_invalid", "", ""},
		"any, wrong password":            {"/reports/1", []string{asUser("alice", "wrong")}, 401, "credentials_invalid", "", ""},
		unknownUser:                      {"/reports/1", []string{asUser("root", "demo-password")}, 401, "credentials_invalid", "", ""},
		"any, nothing":                   {"/reports/1", nil, 401, "credentials_missing", "", ""},
		"anonymous":                      {"/public/1", nil, 200, "", "guest", ""},
		"anonymous, key":                 {"/public/1", []string{key}, 200, "", "alice", "key_"},
		"anonymous, wrong password":      {"/public/1", []string{asUser("alice", "wrong")}, 401, "credentials_invalid", "", ""},
		"all":                            {"/admin/1", []string{key, password}, 200, "", "alice", "key_"},
		"all, key alone":                 {"/admin/1", []string{key}, 401, "credentials_missing", "", ""},
		"all, password alone":            {"/admin/1", []string{password}, 401, "credentials_missing", "", ""},
		"all, wrong password":            {"/admin/1", []string{key, asUser("alice", "wrong")}, 401, "credentials_invalid", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == unknownUser {
				t.Skip("Caddy compares with a digest of cost 14, for which the race detector needs some 20 seconds")
			}
			before := len(up.Requests())
			got := g.Get(tc.path, append([]string{"X-Consumer-Username: root"}, tc.headers...)...)
			if got.Status != tc.status {
				t.Fatalf("answer = %d %s, want %d", got.Status, got.Body, tc.status)
			}
			sent := up.Requests()[before:]
			if tc.status != 200 {
				if decoded(t, got)["code"] != tc.code || len(got.Header.Values("Www-Authenticate")) == 0 || len(sent) != 0 {
					t.Errorf("answer = %v %s, upstream had %d requests; want code %s", got.Header, got.Body, len(sent), tc.code)
				}
				return
			}
			if len(sent) != 1 {
				t.Fatalf("upstream had %d requests", len(sent))
			}
			h := sent[0].Header
			if h.Get("X-Consumer-Username") != tc.consumer || !strings.HasPrefix(h.Get("X-Credential-Identifier"), tc.by) || h.Get("Authorization") != "" || h.Get("Apikey") != "" {
				t.Errorf("upstream had %v, want %s by %s", h, tc.consumer, tc.by)
			}
		})
	}
	for _, secret := range []string{aliceReportsKey, "demo-password", aliceDigest} {
		if logs := g.Logs().String(); strings.Contains(logs, secret) || strings.Contains(logs, base64.StdEncoding.EncodeToString([]byte("alice:"+secret))) {
			t.Errorf("logs hold a secret:\n%s", logs)
		}
		if config := g.Admin("/config/").Body; strings.Contains(config, secret) {
			t.Errorf("the config shows a secret:\n%s", config)
		}
	}
}

// Limits, groups and logs see one consumer, whichever way was taken.
func TestAnyAuthIsOneConsumer(t *testing.T) {
	g, _ := anyAuthGateway(t)
	for i := range 30 {
		for _, header := range []string{"apikey: " + aliceReportsKey, asUser("alice", "demo-password")} {
			if got := g.Get("/public/1", header); got.Status != 200 {
				t.Fatalf("round %d = %d %s", i, got.Status, got.Body)
			}
		}
	}
	checkDenied(t, g.Get("/public/1", asUser("alice", "demo-password")), "rate_limit_exceeded", "by consumer alice")
	if got := g.Get("/public/1"); got.Status != 200 {
		t.Errorf("guest = %d %s", got.Status, got.Body)
	}
	eventually(t, "each way is in the log", func() bool {
		logs := g.Logs().String()
		return strings.Contains(logs, `"consumer":"alice"`) && strings.Contains(logs, `"credential":"http_basic"`) && strings.Contains(logs, `"credential":"key_`)
	})
}
