// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

func TestKeyResolver(t *testing.T) {
	key := "demo-a-not-a-secret"
	t.Setenv("TOLLGATE_TEST_KEY", key)
	t.Setenv("TOLLGATE_TEST_PADDED", " "+key+"\r\n")
	t.Setenv("TOLLGATE_TEST_DIGEST", digest("a"))
	t.Setenv("TOLLGATE_TEST_MALFORMED", "sha256:demo")
	t.Setenv("TOLLGATE_TEST_WORDS", "demo key not-a-secret")
	t.Setenv("TOLLGATE_TEST_NUL", "demo\x01not-a-secret")
	t.Setenv("TOLLGATE_TEST_BLANK", " \n")
	resolve := keyResolver(caddy.NewReplacer())
	for _, test := range []struct{ name, give, want string }{ // want: the error, or empty for the digest of key
		{"digest", digest("a"), ""},
		{"variable with the key", "{env.TOLLGATE_TEST_KEY}", ""},
		{"variable with space around the key", "{env.TOLLGATE_TEST_PADDED}", ""},
		{"variable with a digest", "{env.TOLLGATE_TEST_DIGEST}", ""},
		{"file with the key", "{file." + file(t, "key", key) + "}", ""},
		{"file with a newline at the end", "{file." + file(t, "key", key+"\n") + "}", ""},
		{"file with a digest and a newline", "{file." + file(t, "key", digest("a")+"\n") + "}", ""},
		{"key in clear", key, "sha256:<64 hex digits>"},
		{"malformed digest", "sha256:demo", "sha256:<64 hex digits>"},
		{"unset variable", "{env.TOLLGATE_TEST_UNSET}", "{env.TOLLGATE_TEST_UNSET} is not set or empty"},
		{"blank variable", "{env.TOLLGATE_TEST_BLANK}", "is not set or empty"},
		{"missing file", "{file./nonexistent/key}", "{file./nonexistent/key} is not set or empty"},
		{"variable with a malformed digest", "{env.TOLLGATE_TEST_MALFORMED}", "malformed sha256: digest"},
		{"variable with two words", "{env.TOLLGATE_TEST_WORDS}", "white space or control characters"},
		{"variable with a control character", "{env.TOLLGATE_TEST_NUL}", "white space or control characters"},
		{"two lines in a file", "{file." + file(t, "key", key+"\n"+key) + "}", "white space or control characters"},
		{"text around a variable", "x{env.TOLLGATE_TEST_KEY}", "as a placeholder"},
		{"two variables", "{env.TOLLGATE_TEST_KEY}{env.TOLLGATE_TEST_KEY}", "as a placeholder"},
		{"other placeholder", "{system.hostname}", "as a placeholder"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := resolve(test.give)
			if test.want == "" {
				if err != nil || got != apikey.Hash(key) {
					t.Errorf("resolved to %s, %v; want the digest of the key", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "not-a-secret") {
				t.Errorf("error %q shows the key", err)
			}
		})
	}
}
