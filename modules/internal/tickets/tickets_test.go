// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package tickets_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
	"github.com/caddy-gateway/tollgate/modules/records"
	"github.com/caddy-gateway/tollgate/modules/records/recordstest"
)

func issue(t *testing.T, s records.Store, ticket *tickets.Ticket, ttl time.Duration) string {
	t.Helper()
	text, err := tickets.Issue(t.Context(), s, ticket, ttl)
	if err != nil {
		t.Fatal(err)
	}
	if !tickets.WellFormed(text) || len(text) != tickets.Length {
		t.Fatalf("ticket %q is not well-formed", text)
	}
	return text
}

func TestTicketIsGoodOnce(t *testing.T) {
	t.Parallel()
	clock := recordstest.NewClock(time.Now())
	s := recorddb.NewMemory(recorddb.Options{Now: clock.Now})
	want := &tickets.Ticket{
		Consumer: "alice", Credential: "key_0123", Keyless: true, Bound: true, Origin: "https://app.example.com", Path: "/chat", Route: "chat",
		Token: &tickets.Token{
			Issuer: "i", Subject: "s", ID: "1", Client: "c", Scopes: []string{"a", "b"}, Expires: time.Unix(2_000_000_000, 0).UTC(),
			Claims: map[string]any{"n": json.Number("12345678901234567890"), "o": map[string]any{"l": []any{"x"}}},
		},
	}
	text := issue(t, s, want, time.Minute)
	got, err := tickets.Redeem(t.Context(), s, text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Redeem = %+v, %v, want %+v", got, err, want)
	}
	if got, err := tickets.Redeem(t.Context(), s, text); got != nil || err != nil {
		t.Errorf("the second time: %+v, %v", got, err)
	}
	late := issue(t, s, want, time.Minute)
	clock.Advance(time.Minute)
	if got, err := tickets.Redeem(t.Context(), s, late); got != nil || err != nil {
		t.Errorf("too late: %+v, %v", got, err)
	}
}

func TestStoreHasNoTicket(t *testing.T) {
	t.Parallel()
	s := recorddb.NewMemory(recorddb.Options{})
	text := issue(t, s, &tickets.Ticket{Consumer: "alice"}, time.Minute)
	list, err := s.List(t.Context(), "")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	secret := strings.TrimPrefix(text, tickets.Prefix)
	if strings.Contains(list[0].Key+string(list[0].Value), secret) || !strings.HasPrefix(list[0].Key, "ticket:") {
		t.Errorf("the store has %s %s", list[0].Key, list[0].Value)
	}
}

func TestOneRedeems(t *testing.T) {
	t.Parallel()
	s := recorddb.NewMemory(recorddb.Options{})
	for range 200 {
		text := issue(t, s, &tickets.Ticket{Consumer: "alice"}, time.Minute)
		var n atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if got, err := tickets.Redeem(context.Background(), s, text); err != nil {
					t.Error(err)
				} else if got != nil {
					n.Add(1)
				}
			})
		}
		if all.Wait(); n.Load() != 1 {
			t.Fatalf("%d have redeemed it", n.Load())
		}
	}
}

func TestRedeemOfSomethingElse(t *testing.T) {
	t.Parallel()
	good := tickets.Prefix + strings.Repeat("a", 43)
	for name, text := range map[string]string{
		"unknown": good, "empty": "", "short": good[:46], "long": good + "a", "prefix": "tgx_" + good[4:],
		"space": good[:46] + " ", "not base64url": good[:46] + "+", "control": good[:46] + "\n",
	} {
		if got, err := tickets.Redeem(t.Context(), recorddb.NewMemory(recorddb.Options{}), text); got != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if name != "unknown" && tickets.WellFormed(text) {
			t.Errorf("%s is well-formed", name)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	full := recorddb.NewMemory(recorddb.Options{MaxRecords: 2})
	issue(t, full, &tickets.Ticket{}, time.Minute)
	if _, err := tickets.Issue(t.Context(), full, &tickets.Ticket{}, time.Minute); !errors.Is(err, records.ErrFull) {
		t.Errorf("full: %v", err)
	}
	for _, ttl := range []time.Duration{0, -1, tickets.MaxTTL + 1} {
		if _, err := tickets.Issue(t.Context(), recorddb.NewMemory(recorddb.Options{}), &tickets.Ticket{}, ttl); !errors.Is(err, records.ErrInvalid) {
			t.Errorf("for %s: %v", ttl, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tickets.Redeem(gone, full, tickets.Prefix+strings.Repeat("a", 43)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestGoodFor(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	for name, tt := range map[string]struct {
		ticket  tickets.Ticket
		path    string
		route   string
		origins []string
		want    bool
	}{
		"anything":             {tickets.Ticket{}, "/a", "r", []string{"https://evil.example"}, true},
		"path":                 {tickets.Ticket{Path: "/a"}, "/a", "", nil, true},
		"other path":           {tickets.Ticket{Path: "/a"}, "/a/", "", nil, false},
		"paths":                {tickets.Ticket{Path: "/a/*"}, "/a/b/", "", nil, true},
		"dot segments":         {tickets.Ticket{Path: "/a/*"}, "/a/../b", "", nil, false},
		"empty segments":       {tickets.Ticket{Path: "/a/*"}, "/a//b", "", nil, false},
		"outside":              {tickets.Ticket{Path: "/a/*"}, "/ab", "", nil, false},
		"route":                {tickets.Ticket{Route: "r"}, "/a", "r", nil, true},
		"other route":          {tickets.Ticket{Route: "r"}, "/a", "", nil, false},
		"origin":               {tickets.Ticket{Bound: true, Origin: app}, "/", "", []string{app}, true},
		"other origin":         {tickets.Ticket{Bound: true, Origin: app}, "/", "", []string{app + ":8443"}, false},
		"no origin":            {tickets.Ticket{Bound: true, Origin: app}, "/", "", nil, false},
		"two origins":          {tickets.Ticket{Bound: true, Origin: app}, "/", "", []string{app, app}, false},
		"no browser":           {tickets.Ticket{Bound: true}, "/", "", nil, true},
		"browser unexpectedly": {tickets.Ticket{Bound: true}, "/", "", []string{app}, false},
	} {
		if got := tt.ticket.GoodFor(tt.path, tt.route, tt.origins); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	t.Parallel()
	for origin, ok := range map[string]bool{
		"https://app.example.com": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "app://demo": true,
		"": false, "null": false, "https://": false, "app.example.com": false, "https://app.example.com/": false,
		"https://app.example.com/x": false, "https://a b": false, "HTTPS://app.example.com": false, "https://App.example.com": false,
		"https://user@app.example.com": false, "https://app.example.com?x": false, "https://" + strings.Repeat("a", 300): false,
		"https://ä.example": false, "https://a\n": false,
	} {
		if err := tickets.CheckOrigin(origin); (err == nil) != ok {
			t.Errorf("CheckOrigin(%q) = %v", origin, err)
		}
	}
}
