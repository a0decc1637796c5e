// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package introspect

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is the time of a test.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(1_900_000_000)
	return c
}

func (c *clock) Now() time.Time { return time.Unix(c.at.Load(), 0) }

func (c *clock) add(d time.Duration) { c.at.Add(int64(d / time.Second)) }

// authority is an authorization server.
type authority struct {
	*httptest.Server
	asked  atomic.Int32
	answer atomic.Pointer[http.HandlerFunc]
}

func newAuthority(tb testing.TB, answer http.HandlerFunc) *authority {
	tb.Helper()
	a := new(authority)
	a.set(answer)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		(*a.answer.Load())(w, r)
	}))
	tb.Cleanup(a.Close)
	return a
}

func (a *authority) set(answer http.HandlerFunc) { a.answer.Store(&answer) }

// says answers with a document.
func says(doc string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write([]byte(doc))
	}
}

func newClient(tb testing.TB, a *authority, c *clock, change ...func(*Config)) *Client {
	tb.Helper()
	config := Config{URL: a.URL + "/introspect", ClientID: "demo-gateway", Secret: "demo secret+not/a-secret"}
	for _, f := range change {
		f(&config)
	}
	client, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	client.now = c.Now
	tb.Cleanup(client.Close)
	return client
}

const token = "demo-token-not-a-secret"

func TestQuestion(t *testing.T) {
	t.Parallel()
	for _, post := range []bool{false, true} {
		var form, header string
		a := newAuthority(t, func(w http.ResponseWriter, r *http.Request) {
			id, secret, basic := r.BasicAuth()
			_ = r.ParseForm()
			form, header = r.PostForm.Encode(), fmt.Sprint(id, "|", secret, "|", basic, r.Method, r.URL, r.Header.Get("Accept"))
			says(`{"active":true}`)(w, r)
		})
		if _, _, err := newClient(t, a, newClock(), func(c *Config) { c.Post = post }).Ask(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		want := "token=demo-token-not-a-secret&token_type_hint=access_token"
		wantHeader := "demo-gateway|demo+secret%2Bnot%2Fa-secret|truePOST/introspectapplication/json"
		if post {
			want = "client_id=demo-gateway&client_secret=demo+secret%2Bnot%2Fa-secret&" + want
			wantHeader = "||falsePOST/introspectapplication/json"
		}
		if form != want || header != wantHeader {
			t.Errorf("post %v: form %s, header %s", post, form, header)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, doc string
		active    bool
		err       error
	}{
		{"all members", `{"active":true,"iss":"https://as.example.com","sub":"s","client_id":"c","username":"u","jti":"j","scope":"a  b","aud":["x","y"],"exp":1900000060,"nbf":1899999999.5,"team":{"id":7}}`, true, nil},
		{"only active", `{"active":true}`, true, nil},
		{"access token, said in each way", `{"active":true,"token_type":"Bearer","token_use":"access_token","typ":"at+jwt"}`, true, nil},
		{"refresh token by its type", `{"active":true,"token_type":"refresh_token"}`, false, nil},
		{"refresh token by its use", `{"active":true,"token_type":"Bearer","token_use":"refresh_token"}`, false, nil},
		{"refresh token by its typ", `{"active":true,"typ":"Refresh"}`, false, nil},
		{"ID token", `{"active":true,"typ":"ID"}`, false, nil},
		{"one audience", `{"active":true,"aud":"x"}`, true, nil},
		{"inactive", `{"active":false}`, false, nil},
		{"inactive with more", `{"active":false,"sub":7}`, false, nil},
		{"expired all the same", `{"active":true,"exp":1900000000}`, false, nil},
		{"expired long ago", `{"active":true,"exp":0}`, false, nil},
		{"not yet", `{"active":true,"nbf":1900000001}`, false, nil},
		{"no active", `{}`, false, ErrAnswer},
		{"active as text", `{"active":"true"}`, false, ErrAnswer},
		{"active as number", `{"active":1}`, false, ErrAnswer},
		{"active null", `{"active":null}`, false, ErrAnswer},
		{"active twice", `{"active":false,"active":true}`, false, ErrAnswer},
		{"active in capitals beside", `{"active":false,"Active":true}`, false, ErrAnswer},
		{"client twice", `{"active":true,"client_id":"a","client_id":"b"}`, false, ErrAnswer},
		{"escaped name twice", `{"active":true,"sub":"a","s\u0075b":"b"}`, false, ErrAnswer},
		{"subject as number", `{"active":true,"sub":7}`, false, ErrAnswer},
		{"client as list", `{"active":true,"client_id":["a"]}`, false, ErrAnswer},
		{"scope as list", `{"active":true,"scope":["a"]}`, false, ErrAnswer},
		{"audience as number", `{"active":true,"aud":7}`, false, ErrAnswer},
		{"audience of numbers", `{"active":true,"aud":[7]}`, false, ErrAnswer},
		{"expiry as text", `{"active":true,"exp":"1900000060"}`, false, ErrAnswer},
		{"expiry with exponent", `{"active":true,"exp":1.9e10}`, false, ErrAnswer},
		{"expiry negative", `{"active":true,"exp":-1}`, false, ErrAnswer},
		{"expiry out of range", `{"active":true,"exp":99999999999999999999}`, false, ErrAnswer},
		{"no object", `[{"active":true}]`, false, ErrAnswer},
		{"two documents", `{"active":true}{"active":true}`, false, ErrAnswer},
		{"cut off", `{"active":true`, false, ErrAnswer},
		{"nothing", ``, false, ErrAnswer},
		{"huge", `{"active":true,"x":"` + strings.Repeat("x", MaxAnswer) + `"}`, false, ErrAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, newAuthority(t, says(tt.doc)), newClock())
			a, _, err := c.Ask(t.Context(), token)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err == nil && a.Active != tt.active || err != nil && strings.Contains(err.Error(), "demo") {
				t.Errorf("answer %+v, error %v", a, err)
			}
			if tt.name != "all members" {
				return
			}
			if a.Issuer != "https://as.example.com" || a.Subject != "s" || a.Client != "c" || a.Username != "u" || a.ID != "j" ||
				strings.Join(a.Scopes, ",") != "a,b" || !a.For([]string{"z", "y"}) || a.For([]string{"z"}) ||
				a.Expires.Unix() != 1_900_000_060 || a.NotBefore.Unix() != 1_899_999_999 || a.Claims["exp"] != json.Number("1900000060") {
				t.Errorf("answer %+v", a)
			}
		})
	}
}

func TestServersThatAreNoHelp(t *testing.T) {
	t.Parallel()
	other := newAuthority(t, says(`{"active":true}`))
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		err    error
	}{
		{"401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, ErrAnswer},
		{"500 that says active", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"active":true}`))
		}, ErrAnswer},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, ErrAnswer},
		{"page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`{"active":true}`))
		}, ErrAnswer},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"active":true}`))
		}, ErrUnavailable},
		{"silent", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
			<-r.Context().Done()
		}, ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, newAuthority(t, tt.answer), newClock(), func(c *Config) { c.Timeout = 300 * time.Millisecond })
			a, _, err := c.Ask(t.Context(), token)
			if a != nil || !errors.Is(err, tt.err) {
				t.Errorf("answer %+v, error %v", a, err)
			}
			if err != nil && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	if n := other.asked.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := newAuthority(t, says(`{"active":true,"exp":1900000020}`))
	c := newClient(t, a, now)
	ask := func(want bool, asked int32) {
		t.Helper()
		answer, _, err := c.Ask(t.Context(), token)
		if err != nil || answer.Active != want || a.asked.Load() != asked {
			t.Errorf("answer %+v, error %v, asked %d times, want %v, %d", answer, err, a.asked.Load(), want, asked)
		}
	}
	ask(true, 1)
	now.add(19 * time.Second)
	ask(true, 1)
	now.add(time.Second) // the token ends before the time of the cache
	ask(false, 2)
	a.set(says(`{"active":false}`))
	now.add(4 * time.Second)
	ask(false, 2)
	a.set(says(`{"active":true}`))
	now.add(time.Second) // the negative answer is forgotten
	ask(true, 3)
	a.set(says(`{"active":false}`))
	now.add(29 * time.Second)
	ask(true, 3)
	now.add(time.Second)
	ask(false, 4)

	c = newClient(t, a, now, func(c *Config) { c.Cache, c.Negative = -1, -1 })
	ask(false, 5)
	ask(false, 6)
}

func TestStale(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := newAuthority(t, says(`{"active":true,"exp":1900000300}`))
	strict := newClient(t, a, now)
	c := newClient(t, a, now, func(c *Config) { c.Stale = 5 * time.Minute })
	for _, c := range []*Client{strict, c} {
		if _, _, err := c.Ask(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	a.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	now.add(time.Minute)
	if answer, _, err := strict.Ask(t.Context(), token); err == nil {
		t.Errorf("without stale: %+v", answer)
	}
	if answer, source, err := c.Ask(t.Context(), token); err != nil || !answer.Active || source != Stale {
		t.Errorf("with stale: %+v %v %v", answer, source, err)
	}
	if answer, _, err := c.Ask(t.Context(), "demo-other"); err == nil {
		t.Errorf("a token nobody has asked about: %+v", answer)
	}
	now.add(4 * time.Minute) // the token has ended
	if answer, _, err := c.Ask(t.Context(), token); err == nil {
		t.Errorf("an ended token: %+v", answer)
	}
}

// TestManyAtOnce: a thousand requests with one token are one question.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	a := newAuthority(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		says(`{"active":true}`)(w, r)
	})
	c := newClient(t, a, newClock(), func(c *Config) { c.Timeout = MaxTimeout })
	var all, started sync.WaitGroup
	var good atomic.Int32
	for range 1000 {
		started.Add(1)
		all.Go(func() {
			started.Done()
			if answer, _, err := c.Ask(t.Context(), token); err == nil && answer.Active {
				good.Add(1)
			}
		})
	}
	started.Wait()
	// Who leaves does not end the question for the others.
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := c.Ask(left, token); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has left: %v", err)
	}
	close(release)
	all.Wait()
	if good.Load() != 1000 || a.asked.Load() != 1 {
		t.Errorf("%d good answers for %d questions", good.Load(), a.asked.Load())
	}
}

// TestRevokedStaysRevoked: an answer from before does not come back once the server has said
// something else, neither while it can be asked nor when it cannot any more.
func TestRevokedStaysRevoked(t *testing.T) {
	t.Parallel()
	for _, negative := range []time.Duration{0, -1} {
		now := newClock()
		a := newAuthority(t, says(`{"active":true}`))
		c := newClient(t, a, now, func(c *Config) { c.Stale, c.Negative = MaxStale, negative })
		if answer, _, err := c.Ask(t.Context(), token); err != nil || !answer.Active {
			t.Fatalf("good: %+v, %v", answer, err)
		}
		now.add(DefaultCache)
		a.set(says(`{"active":false}`))
		if answer, _, err := c.Ask(t.Context(), token); err != nil || answer.Active {
			t.Fatalf("revoked: %+v, %v", answer, err)
		}
		if answer, source, err := c.Ask(t.Context(), token); err != nil || answer.Active || negative == 0 && source != Cached {
			t.Errorf("revoked, again: %+v, %v, %v", answer, source, err)
		}
		a.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		now.add(DefaultNegative)
		if answer, _, err := c.Ask(t.Context(), token); err == nil && answer.Active {
			t.Errorf("negative %s: during an outage a revoked token is good again", negative)
		}
	}
}

// TestFlood: forged tokens do not open more questions than MaxOpen, and are no longer
// asked about when the server fails.
func TestFlood(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var open, most atomic.Int32
	a := newAuthority(t, func(w http.ResponseWriter, r *http.Request) {
		n := open.Add(1)
		defer open.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-release
		says(`{"active":false}`)(w, r)
	})
	c := newClient(t, a, newClock(), func(c *Config) { c.Timeout = MaxTimeout })
	var all sync.WaitGroup
	busy := make(chan struct{}, 500)
	for i := range 500 {
		all.Go(func() {
			if _, _, err := c.Ask(t.Context(), "forged-"+strconv.Itoa(i)); errors.Is(err, ErrBusy) {
				busy <- struct{}{}
			}
		})
	}
	for range 500 - MaxOpen {
		<-busy
	}
	close(release)
	all.Wait()
	if len(busy) != 0 || most.Load() > MaxOpen || a.asked.Load() != MaxOpen {
		t.Errorf("%d more were turned away, %d were open at once, %d asked", len(busy), most.Load(), a.asked.Load())
	}
}

func TestRest(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := newAuthority(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	c := newClient(t, a, now)
	for i := range 20 {
		if _, _, err := c.Ask(t.Context(), "demo-"+strconv.Itoa(i)); err == nil {
			t.Fatal("an answer from a broken server")
		}
	}
	if n := a.asked.Load(); n != restAfter {
		t.Errorf("a broken server was asked %d times", n)
	}
	a.set(says(`{"active":true}`))
	now.add(rest)
	for i := range 5 {
		if _, _, err := c.Ask(t.Context(), "demo-"+strconv.Itoa(i)); err != nil {
			t.Errorf("after a rest: %v", err)
		}
	}
}

// TestImplausible: nobody is asked about what cannot be a token.
func TestImplausible(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, says(`{"active":true}`))
	c := newClient(t, a, newClock())
	for _, bad := range []string{"", "a b", "a\r\nb", "\x00", "ä", strings.Repeat("a", MaxToken+1)} {
		if answer, _, err := c.Ask(t.Context(), bad); err != nil || answer.Active {
			t.Errorf("%.10q: %+v, %v", bad, answer, err)
		}
	}
	if n := a.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := new(cache)
	for i := range 20_000 {
		var d digest
		d[0], d[1], d[2] = byte(i), byte(i>>8), byte(i>>16)
		c.put(d, entry{answer: &Answer{size: 4000}})
	}
	if n := c.bytes(); n > cacheBytes || n < cacheBytes/4 {
		t.Errorf("%d bytes", n)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config Config
		want   string
	}{
		{"nothing", Config{}, "not a URL such as"},
		{"http", Config{URL: "http://as.example.com/introspect"}, "not a URL with https"},
		{"http and a private address", Config{URL: "http://10.0.0.1/introspect"}, "not a URL with https"},
		{"file", Config{URL: "file:///etc/passwd"}, "not a URL such as"},
		{"password", Config{URL: "https://a:b@as.example.com/"}, "not a URL such as"},
		{"timeout", Config{URL: "https://as.example.com/", Timeout: time.Minute}, "out of its bounds"},
		{"cache", Config{URL: "https://as.example.com/", Cache: 2 * time.Hour}, "out of its bounds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(says(`{"active":true}`))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for _, known := range []bool{false, true} {
		config := Config{URL: server.URL}
		if known {
			config.Roots = roots
		}
		c, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = c.Ask(t.Context(), token); (err == nil) != known {
			t.Errorf("certificate known: %v, error %v", known, err)
		}
		c.Close()
	}
}

// BenchmarkAsk is a token that was asked about before.
func BenchmarkAsk(b *testing.B) {
	c := newClient(b, newAuthority(b, says(`{"active":true}`)), newClock())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Ask(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
