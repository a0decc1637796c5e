// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

func TestLanguagesReachTheirUpstreams(t *testing.T) {
	addresses := make(map[string]string)
	for _, name := range []string{"hi", "ta", "te", "en", "as", "pair", "all"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, name)
		}))
		t.Cleanup(s.Close)
		addresses[name] = s.Listener.Addr().String()
	}
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s %[3]s %[4]s %[5]s %[6]s http://%[7]s {
		lb_policy language {
			hi %[1]s
			Tamil http://%[2]s
			tel_Telu %[3]s
			en %[4]s
			asm %[5]s
			hi>ta %[6]s
			* %[7]s
		}
	}`, addresses["hi"], addresses["ta"], addresses["te"], addresses["en"], addresses["as"], addresses["pair"], addresses["all"]))
	for language, want := range map[string]string{
		"hi": "hi", "ta": "ta", "te": "te", "en": "en", "as": "as",
		"hi>ta": "pair", "hi>te": "hi", "ml>ta": "all", "ml": "all", "": "all", "hi-Latn": "all",
	} {
		if got := g.served(t, language); got != want {
			t.Errorf("%q is answered by %s, want %s", language, got, want)
		}
	}
}

func TestWeightsHold(t *testing.T) {
	first, second, all := newUpstream(t, "first"), newUpstream(t, "second"), newUpstream(t, "all")
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s %[3]s {
		lb_policy language {
			hi %[1]s=3 %[2]s
			* %[3]s
		}
	}`, first.address, second.address, all.address))
	const rounds = 50
	counts := make(map[string]int)
	for range 4 * rounds {
		counts[g.served(t, "hi")]++
		counts[g.served(t, "te")]++
	}
	if counts["first"] != 3*rounds || counts["second"] != rounds || counts["all"] != 4*rounds {
		t.Errorf("answered by %v, want first %d, second %d, all %d", counts, 3*rounds, rounds, 4*rounds)
	}
}

func TestActiveChecksFallBackAndReturn(t *testing.T) {
	hindi, tamil, all := newUpstream(t, "hi"), newUpstream(t, "ta"), newUpstream(t, "all")
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s %[3]s {
		lb_policy language {
			hi %[1]s
			ta %[2]s
			* %[3]s
		}
		health_uri /
		health_interval 20ms
	}`, hindi.address, tamil.address, all.address))
	g.until(t, "hi", "hi")
	hindi.kill(t)
	g.until(t, "hi", "all")
	if got := g.served(t, "ta"); got != "ta" {
		t.Errorf("ta is answered by %s after the upstream of hi is gone", got)
	}
	hindi.start(t)
	g.until(t, "hi", "hi")

	all.kill(t)
	g.until(t, "te", http.StatusText(http.StatusServiceUnavailable))
	hindi.kill(t)
	g.until(t, "hi", http.StatusText(http.StatusServiceUnavailable))
	if got := g.served(t, "ta"); got != "ta" {
		t.Errorf("ta is answered by %s after all other upstreams are gone", got)
	}
}

// With passive checks the very request that meets a dead upstream is answered by the
// fallback: the failure counts before the next try.
func TestPassiveChecksFallBackAndReturn(t *testing.T) {
	hindi, all := newUpstream(t, "hi"), newUpstream(t, "all")
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s {
		lb_policy language {
			hi %[1]s
			* %[2]s
		}
		fail_duration 300ms
		lb_retries 1
	}`, hindi.address, all.address))
	if got := g.served(t, "hi"); got != "hi" {
		t.Fatalf("hi is answered by %s", got)
	}
	hindi.kill(t)
	for range 20 {
		if got := g.served(t, "hi"); got != "all" {
			t.Fatalf("hi is answered by %s while its upstream is dead", got)
		}
	}
	hindi.start(t)
	g.until(t, "hi", "hi")
}

// Without health checks a retry reaches the next upstream of the language, if the inner
// policy goes on to it, but never the fallback.
func TestRetriesWithoutChecks(t *testing.T) {
	first, second, tamil, all := newUpstream(t, "first"), newUpstream(t, "second"), newUpstream(t, "ta"), newUpstream(t, "all")
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s %[3]s %[4]s {
		lb_policy language {
			hi %[1]s %[2]s
			ta %[3]s
			* %[4]s
		}
		lb_retries 2
		lb_try_interval 1ms
	}`, first.address, second.address, tamil.address, all.address))
	first.kill(t)
	tamil.kill(t)
	for range 20 {
		if got := g.served(t, "hi"); got != "second" {
			t.Fatalf("hi is answered by %s", got)
		}
	}
	if got := g.served(t, "ta"); got != http.StatusText(http.StatusBadGateway) {
		t.Errorf("ta is answered by %s", got)
	}
}

func TestFullUpstreamFallsBack(t *testing.T) {
	hindi, all := newUpstream(t, "hi"), newUpstream(t, "all")
	entered, leave := make(chan struct{}), make(chan struct{})
	hindi.kill(t)
	hindi.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-leave
		fmt.Fprint(w, "hi")
	})
	hindi.start(t)
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s {
		lb_policy language {
			hi %[1]s
			* %[2]s
		}
		unhealthy_request_count 1
	}`, hindi.address, all.address))
	held := make(chan string)
	go func() {
		_, answer, err := g.ask(t.Context(), "hi", "")
		if err != nil {
			answer = err.Error()
		}
		held <- answer
	}()
	<-entered
	if got := g.served(t, "hi"); got != "all" {
		t.Errorf("hi is answered by %s while its upstream is full", got)
	}
	close(leave)
	if got := <-held; got != "hi" {
		t.Errorf("the request that filled the upstream got %q", got)
	}
}

// TestManyAtOnce sends 10,000 requests from 250 clients and checks of each that its
// language's own upstream has answered that very request.
func TestManyAtOnce(t *testing.T) {
	const clients, each = 250, 40
	codes := []string{"hi", "ta", "te", "en", "as"}
	var list, lines string
	for _, code := range codes {
		u := newUpstream(t, code)
		list += " " + u.address
		lines += "\n" + code + " " + u.address
	}
	bengali, all := newUpstream(t, "bn"), newUpstream(t, "all")
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s %[3]s {
		lb_policy language {%[4]s
			bn %[2]s {
				policy least_conn
			}
			* %[3]s
		}
	}`, list, bengali.address, all.address, lines))
	want := map[string]string{"bn": "bn", "ml": "all", "": "all"}
	for _, code := range codes {
		want[code] = code
	}
	codes = append(codes, "bn", "ml", "")

	var wg sync.WaitGroup
	misrouted := make(chan string, clients*each)
	for client := range clients {
		wg.Go(func() {
			for n := range each {
				language := codes[(client+n)%len(codes)]
				id := strconv.Itoa(client*each + n)
				status, answer, err := g.ask(t.Context(), language, id)
				if err != nil || status != http.StatusOK || answer != want[language]+" "+id {
					misrouted <- fmt.Sprintf("request %s in %q: %d %q %v", id, language, status, answer, err)
				}
			}
		})
	}
	wg.Wait()
	close(misrouted)
	n := 0
	for m := range misrouted {
		if n++; n <= 5 {
			t.Error(m)
		}
	}
	if n > 0 {
		t.Errorf("%d of %d requests are misrouted", n, clients*each)
	}
}
