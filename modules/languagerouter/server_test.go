// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// serve runs a server of the handler whose upstream answers with the language that it
// was told and the body that it got.
func serve(t *testing.T, h *Handler) *httptest.Server {
	t.Helper()
	upstream := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s %s", r.Header.Get(state.HeaderLanguage), body)
		return err
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		if err := h.ServeHTTP(w, r, upstream); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestManyAtOnce sends requests in five languages at the same time, short and too long
// ones, and checks that none is given the language or the body of another, and that all
// memory is given back.
func TestManyAtOnce(t *testing.T) {
	const rounds = 60
	h := parsed(t, "languages hi ta te en as\nbody lang\ndetect text\nmax_body 2KiB\nfallback en\nset_body id {\nhi one\nta two\n* rest\n}")
	before := state.Buffered()
	s := serve(t, h)
	texts := []struct{ code, text, id string }{
		{"hi", inHindi, "one"}, {"ta", inTamil, "two"}, {"te", inTelugu, "rest"}, {"en", inEnglish, "rest"}, {"as", inAssamese, "rest"},
	}
	var wg sync.WaitGroup
	for worker := range 10 {
		wg.Go(func() {
			for round := range rounds {
				x := texts[(worker+round)%len(texts)]
				rest := fmt.Sprintf(`"text":%q,"n":"%d/%d"}`, x.text, worker, round)
				sent, want := "{"+rest, x.code+` {"id":"`+x.id+`",`+rest
				if round%7 == 0 {
					sent = `{"pad":"` + strings.Repeat("x", 4<<10) + `",` + rest
					want = "en " + sent
				}
				var body io.Reader = strings.NewReader(sent)
				if round%2 == 0 {
					body = io.MultiReader(body) // whose length nobody announces
				}
				if got := post(t, s, body); got != want {
					t.Errorf("got  %.100s\nwant %.100s", got, want)
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	if after := state.Buffered(); after != before {
		t.Errorf("%d bytes of bodies are still in memory", after-before)
	}
}

// post sends JSON and returns the answer, or what went wrong.
func post(t *testing.T, s *httptest.Server, body io.Reader) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/x", body)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.Client().Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(answer)
}
