// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// issuer is an issuer without a network: it answers as it is told.
type issuer struct {
	mu     sync.Mutex
	status int
	body   string
	err    error
	delay  time.Duration
	asked  int
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.asked++
	status, body, err, delay := i.status, i.body, i.err, i.delay
	i.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if err != nil {
		return nil, err
	}
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (i *issuer) says(body string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.body, i.err = body, err
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func named(id string) *jwttest.Key {
	return &jwttest.Key{Algorithm: "EdDSA", ID: id, Private: jwttest.For("EdDSA").Private}
}

func open(t *testing.T, i *issuer, change ...func(*Options)) *Source {
	t.Helper()
	o := Options{URL: "https://id.example/keys", Transport: i}
	for _, c := range change {
		c(&o)
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// has says that the source has a key called id, when a token asks for it.
func has(t *testing.T, s *Source, id string) bool {
	t.Helper()
	set, _, err := s.Keys(t.Context(), id, time.Now())
	if err != nil {
		t.Fatalf("keys: %v", err)
	}
	return set.Names(id)
}

func TestKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{body: jwttest.Set(named("a")), delay: time.Second}
		s := open(t, i)
		if n := i.count(); n != 0 {
			t.Fatalf("asked %d times before there is a token", n)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if !has(t, s, "a") {
					t.Error("the key is not there")
				}
			})
		}
		wg.Wait()
		if n := i.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{body: jwttest.Set(named("a"))}
		s := open(t, i)
		if !has(t, s, "a") {
			t.Fatal("the first key is not there")
		}
		before := s.Current(time.Now())
		i.says(jwttest.Set(named("a"), named("b")), nil)
		if !has(t, s, "b") {
			t.Error("a new key is not fetched for the token that names it")
		}
		if s.Current(time.Now()) == before {
			t.Error("the generation is the same")
		}
		i.says(jwttest.Set(named("b"), named("c")), nil)
		if has(t, s, "c") {
			t.Error("another key is fetched within the cooldown")
		}
		time.Sleep(Cooldown)
		if !has(t, s, "c") || has(t, s, "a") {
			t.Error("after the cooldown the keys are still the old ones")
		}
	})
}

// TestRefresh checks that keys are fetched again behind a request, so that one which is
// withdrawn is gone soon.
func TestRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{body: jwttest.Set(named("a")), delay: time.Second}
		s := open(t, i)
		has(t, s, "a")
		i.says(jwttest.Set(named("b")), nil)
		time.Sleep(DefaultRefresh)
		start := time.Now()
		if !has(t, s, "a") {
			t.Error("the request has not gone on with the keys there are")
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the request has waited %s", waited)
		}
		time.Sleep(2 * time.Second)
		if !has(t, s, "b") || has(t, s, "a") || i.count() != 3 { // the last one for a
			t.Errorf("the keys are the old ones, after %d fetches", i.count())
		}
	})
}

func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reports []error
		i := &issuer{body: jwttest.Set(named("a"))}
		s := open(t, i, func(o *Options) { o.Report = func(err error) { reports = append(reports, err) } })
		has(t, s, "a")
		i.says("", errors.New("down"))
		for range int(DefaultKeep/time.Hour) - 1 {
			time.Sleep(time.Hour)
			if !has(t, s, "a") {
				t.Fatal("a known key is gone during an outage")
			}
			if has(t, s, "b") {
				t.Fatal("an unknown key is there")
			}
		}
		if n := i.count(); n > 1+int(DefaultKeep/time.Hour) {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(time.Hour)
		if _, _, err := s.Keys(t.Context(), "a", time.Now()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("after %s: %v", DefaultKeep, err)
		}
		if s.Current(time.Now()) != 0 {
			t.Error("keys are current that are not")
		}
		i.says(jwttest.Set(named("a")), nil)
		time.Sleep(Cooldown)
		if !has(t, s, "a") {
			t.Error("the keys do not come back")
		}
		synctest.Wait()
		if len(reports) < 2 || reports[0] == nil || reports[len(reports)-1] != nil {
			t.Errorf("%d reports, the last one %v", len(reports), reports[len(reports)-1])
		}
	})
}

// TestOutageFromTheStart checks that requests do not pile up on an issuer that is down.
func TestOutageFromTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{err: errors.New("down")}
		s := open(t, i)
		for range 100 {
			if _, _, err := s.Keys(t.Context(), "a", time.Now()); !errors.Is(err, ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if n := i.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if st := s.Status(time.Now()); st.Err == nil || st.Keys != 0 || st.Fetches != 1 {
			t.Errorf("status %+v", st)
		}
	})
}

// TestUnknownKeys floods a source with identifiers that no key has.
func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{body: jwttest.Set(named("a"))}
		s := open(t, i)
		has(t, s, "a")
		first := i.count()
		var accepted atomic.Int64
		var wg sync.WaitGroup
		for g := range 10 {
			wg.Go(func() {
				for n := range 10_000 {
					if has(t, s, fmt.Sprintf("random-%d-%d", g, n)) {
						accepted.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := i.count() - first; n > 1 || accepted.Load() != 0 {
			t.Errorf("100000 unknown keys make %d fetches, and %d are known", n, accepted.Load())
		}
	})
}

func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{body: jwttest.Set(named("a")), delay: time.Hour}
		s := open(t, i)
		start := time.Now()
		if _, _, err := s.Keys(t.Context(), "a", start); !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		if waited := time.Since(start); waited != Timeout {
			t.Errorf("the request has waited %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		time.Sleep(Cooldown)
		if _, _, err := s.Keys(ctx, "a", time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that has left waits on: %v", err)
		}
	})
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	huge := `{"keys":[` + strings.Repeat(`{"kty":"XYZ"},`, MaxAnswer/14) + `{"kty":"XYZ"}]}`
	for name, i := range map[string]*issuer{
		"not found": {status: http.StatusNotFound, body: jwttest.Set(named("a"))},
		"redirect":  {status: http.StatusFound, body: jwttest.Set(named("a"))},
		"HTML":      {body: "<html>"},
		"no key":    {body: `{"keys":[]}`},
		"secret":    {body: jwttest.Set(jwttest.For("HS256"))},
		"huge":      {body: huge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := open(t, i).Keys(t.Context(), "a", time.Now()); !errors.Is(err, ErrUnavailable) {
				t.Error(err)
			}
		})
	}
}

func TestClosedSourceAsksNobody(t *testing.T) {
	t.Parallel()
	i := &issuer{body: jwttest.Set(named("a"))}
	s := open(t, i)
	s.Close()
	if _, _, err := s.Keys(t.Context(), "a", time.Now()); !errors.Is(err, ErrUnavailable) || i.count() != 0 {
		t.Errorf("%v, after %d fetches", err, i.count())
	}
}

type panics struct{}

func (panics) RoundTrip(*http.Request) (*http.Response, error) { panic("hostile") }

// TestPanic: whatever an answer does to who reads it, the process goes on.
func TestPanic(t *testing.T) {
	t.Parallel()
	s, err := Open(Options{URL: "https://id.example/keys", Transport: panics{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Keys(t.Context(), "", time.Now()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}
