// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	m := machine(t, "connect.md", "https://api.deepseek.com", provider(t))
	m.before = func(b Block) {
		if b.File == "tokens.Caddyfile" && installed(t, "chromium") {
			checkBrowser(t, m) // while the gateway serves the page
		}
	}
	m.follow()

	if got := m.shell("go build -o ask ask.go"); got.Code != 0 {
		t.Fatalf("build: %s", got.Output)
	}
	for _, program := range []string{"python3 ask.py", "node ask.mjs", "./ask"} {
		if installed(t, program) {
			for _, x := range exchanges {
				x.checkProgram(t, m, program)
			}
		}
	}
	if installed(t, "python3") {
		checkTokens(t, m)
	}
}

// checkTokens runs the program with tokens against a gateway that refuses those it names.
func checkTokens(t *testing.T, m *Machine) {
	t.Helper()
	for _, tt := range []struct {
		name    string
		refused []string
		tokens  int64
		says    string
	}{
		{"a good token", nil, 1, itAnswers},
		{"a revoked token", []string{"Bearer 1"}, 2, itAnswers},
		{"no token is good", []string{"Bearer 1", "Bearer 2"}, 2, "HTTP Error 401"},
	} {
		var tokens atomic.Int64
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, secret, _ := r.BasicAuth()
			switch {
			case r.URL.Path == "/oauth2/token" && id == "reports" && secret == "the-secret":
				fmt.Fprintf(w, `{"access_token":"%d","expires_in":3600}`, tokens.Add(1))
			case slices.Contains(tt.refused, r.Header.Get("Authorization")):
				w.WriteHeader(http.StatusUnauthorized)
			default:
				fmt.Fprintf(w, `{"choices":[{"message":{"content":%q}}]}`, itAnswers)
			}
		}))
		got := m.shell("GATEWAY_URL=" + gateway.URL + " REPORTS_SECRET=the-secret python3 with_token.py 'Well?'")
		gateway.Close()
		if tokens.Load() != tt.tokens || !strings.Contains(got.Output, tt.says) || (got.Code == 0) != (tt.says == itAnswers) {
			t.Errorf("%s: ended with %d after %d tokens and said %q, want %d tokens and %q", tt.name, got.Code, tokens.Load(), got.Output, tt.tokens, tt.says)
		}
	}
}

// exchange is how a program of the page fares beside a gateway that answers with these
// statuses, each with these headers.
type exchange struct {
	name     string
	statuses []int
	header   []string // in pairs of name and value
	calls    int64
	says     string
}

// itAnswers is what a program says when all is well.
const itAnswers = "It answers."

// exchanges are what the page speaks about.
var exchanges = []exchange{
	{"at once", []int{200}, nil, 1, itAnswers},
	{"after a limit", []int{429, 200}, []string{"Retry-After", "0"}, 2, itAnswers},
	{"after failures", []int{502, 503, 504, 200}, []string{"Retry-After", "0"}, 4, itAnswers},
	{"never", []int{429, 429, 429, 429, 200}, []string{"Retry-After", "0"}, 4, "429 the_code: The message (request the-id)"},
	{"a limit that lasts", []int{429, 200}, []string{"Retry-After", "0", "X-Should-Retry", "false"}, 1, "429 the_code"},
	{"no key", []int{401, 200}, nil, 1, "401 the_code"},
	{"no money", []int{402, 200}, nil, 1, "402 the_code"},
	{"not allowed", []int{403, 200}, nil, 1, "403 the_code"},
}

// checkProgram runs a program of the page.
func (x exchange) checkProgram(t *testing.T, m *Machine, program string) {
	t.Helper()
	var calls atomic.Int64
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/llm/deepseek/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer the-key" {
			t.Errorf("the gateway had %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		status := x.statuses[calls.Add(1)-1]
		w.Header().Set("Content-Type", "application/json")
		for pair := range slices.Chunk(x.header, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(status)
		if status == http.StatusOK {
			fmt.Fprintf(w, `{"choices":[{"message":{"content":%q}}]}`, itAnswers)
		} else {
			fmt.Fprint(w, `{"error":{"message":"The message","code":"the_code"},"request_id":"the-id"}`)
		}
	}))
	defer gateway.Close()
	got := m.shell("GATEWAY_URL=" + gateway.URL + " GATEWAY_KEY=the-key " + program + " 'Well?'")
	if calls.Load() != x.calls || !strings.Contains(got.Output, x.says) || (got.Code == 0) != (x.says == itAnswers) {
		t.Errorf("%s, %s: ended with %d after %d calls and said %q, want %d calls and %q",
			program, x.name, got.Code, calls.Load(), got.Output, x.calls, x.says)
	}
}

// checkBrowser fills in the form of the page, in a frame, and reads what comes out.
func checkBrowser(t *testing.T, m *Machine) {
	t.Helper()
	const form = `<!doctype html><iframe src="/"></iframe><p>nothing yet</p><script>
const frame = document.querySelector("iframe"), key = new URLSearchParams(location.search).get("key");
frame.addEventListener("load", () => {
	const page = frame.contentDocument, output = page.querySelector("output");
	new MutationObserver(() => { document.querySelector("p").textContent = "It said: " + output.textContent; }).observe(output, { childList: true });
	page.querySelector("[name=key]").value = key;
	page.querySelector("[name=question]").value = "Hello?";
	page.querySelector("form").requestSubmit();
});
</script>`
	m.must(os.WriteFile(filepath.Join(m.Dir, "web", "form.html"), []byte(form), 0o600))
	for key, want := range map[string]string{
		"demo-key-not-a-secret":       "It said: You said: Hello? You said: Hello?",
		"demo-wrong-key-not-a-secret": "It said: 401 key_invalid: The API key is not valid (request ",
	} {
		got := m.shell("chromium --headless --no-sandbox --disable-gpu --virtual-time-budget=20000 --dump-dom 'http://localhost:8300/form.html?key=" + key + "'")
		if !strings.Contains(got.Output, want) {
			t.Errorf("with %s the page shows %s, want %q", key, got.Output, want)
		}
	}
}
