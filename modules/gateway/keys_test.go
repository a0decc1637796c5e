// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strconv"
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
	t.Setenv("TOLLGATE_TEST_COMMA", "demo-a,not-a-secret")
	t.Setenv("TOLLGATE_TEST_LONG", strings.Repeat("not-a-secret", 43))
	resolve := new(App).keyResolver(caddy.NewReplacer(), map[string]bool{})
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
		{"variable with a comma", "{env.TOLLGATE_TEST_COMMA}", "{env.TOLLGATE_TEST_COMMA} can never work: key holds a comma"},
		{"variable with a very long key", "{env.TOLLGATE_TEST_LONG}", "{env.TOLLGATE_TEST_LONG} can never work: key is longer than 512 bytes"},
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

// TestKongKeysMayHoldCommas, since key_auth takes them for part of the key
// there. The limit of the length is the same.
func TestKongKeysMayHoldCommas(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_KEY", "demo-a,not-a-secret")
	config := `{"profile":"kong","consumers":[{"name":"alice","keys":["{env.TOLLGATE_TEST_KEY}"]}]}`
	if c := provision(t, config).ConsumerTable().Lookup(apikey.Hash("demo-a,not-a-secret")); c == nil {
		t.Error("the key is not there")
	}
	t.Setenv("TOLLGATE_TEST_KEY", strings.Repeat("k", apikey.MaxLength+1))
	if app, err := tryProvision(t, config); err == nil {
		_ = app.Cleanup()
		t.Error("a key that is too long is accepted")
	}
}

func TestWarningsAboutKeys(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_SHORT", "demo-key-short-")
	t.Setenv("TOLLGATE_TEST_ENOUGH", "demo-key-enough-")
	const short, ended = "fewer than 16 characters", "has ended"
	for _, test := range []struct {
		name, key, id, want string // want is empty for no warning
	}{
		{"short", `"{env.TOLLGATE_TEST_SHORT}"`, apikey.Hash("demo-key-short-").ID(), short},
		{"long enough", `"{env.TOLLGATE_TEST_ENOUGH}"`, "", ""},
		{"digest", `"` + digest("a") + `"`, "", ""},
		{"ended", `{"key": "` + digest("b") + `", "until": "2020-01-01"}`, apikey.Hash("demo-b-not-a-secret").ID(), ended},
		{"ends later", `{"key": "` + digest("b") + `", "until": "2200-01-01"}`, "", ""},
		{"not begun", `{"key": "` + digest("b") + `", "not_before": "2200-01-01"}`, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			provision(t, `{"consumers":[{"name":"bob"},{"name":"alice","keys":[`+test.key+`]}]}`)
			text := logged.take()
			for _, warning := range []string{short, ended} {
				if got := strings.Contains(text, warning); got != (warning == test.want) {
					t.Errorf("warning %q: %v; the log is %s", warning, got, text)
				}
			}
			if test.want == "" {
				return
			}
			for _, want := range []string{`"level":"warn"`, `"consumer":"alice"`, `"credential":"` + test.id + `"`} {
				if !strings.Contains(text, want) {
					t.Errorf("the log lacks %s: %s", want, text)
				}
			}
			if strings.Contains(text, "demo-key") {
				t.Errorf("the log shows the key: %s", text)
			}
		})
	}
}

// TestWarningsAboutKeysAreBounded: a file may hold years of ended keys.
func TestWarningsAboutKeysAreBounded(t *testing.T) {
	var keys []string
	for i := range maxKeyWarnings + 3 {
		keys = append(keys, `{"key": "`+digest(strconv.Itoa(i))+`", "until": "2020-01-01"}`)
	}
	provision(t, `{"consumers":[{"name":"alice","keys":[`+strings.Join(keys, ",")+`]}]}`)
	text := logged.take()
	if got := strings.Count(text, "has ended"); got != maxKeyWarnings || !strings.Contains(text, `"more":3`) {
		t.Errorf("%d warnings: %s", got, text)
	}
}
