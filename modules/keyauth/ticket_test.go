// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

// inMemory begins the gateway app of tests with tickets.
const inMemory = `"ledger": {"memory": true}, "store": {"module": "embedded", "memory": true}, `

// shop is a gateway that gives tickets.
func shop(t *testing.T) (caddy.Context, *gateway.App) {
	t.Helper()
	ctx := provisioned(t, people(inMemory))
	app, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, app
}

func issued(t *testing.T, app *gateway.App, ticket tickets.Ticket) string {
	t.Helper()
	text, err := tickets.Issue(t.Context(), app.Records(), &ticket, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bob is a ticket for his key.
func bob() tickets.Ticket {
	return tickets.Ticket{Consumer: "bob", Credential: apikey.Hash(goodKey).ID()}
}

func changed(t tickets.Ticket, change func(t *tickets.Ticket)) tickets.Ticket {
	change(&t)
	return t
}

func TestTicketIsTheCredential(t *testing.T) {
	ctx, app := shop(t)
	g := serve(t, ctx, `{"ticket": "ticket"}`)
	text := issued(t, app, bob())
	a := g.do(t, call{uri: "/socket?a=1&ticket=" + text + "&b=2", header: append(upgrade(), "Referer: https://app.example.com/?ticket="+text)})
	if a.status != 200 || a.up.User != "bob" || a.up.Header.Get("X-Credential-Identifier") != apikey.Hash(goodKey).ID() {
		t.Fatalf("status %d, upstream %+v", a.status, a.up)
	}
	if a.up.URI != "/socket?a=1&b=2" || strings.Contains(fmt.Sprint(*a.up), text) {
		t.Errorf("the upstream has %+v", *a.up)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the answer has %v", a.header)
	}
	if a = g.do(t, call{uri: "/socket?ticket=" + text, header: upgrade()}); a.status != 401 || a.code(t) != "ticket_invalid" {
		t.Errorf("the second time: %d %s", a.status, a.body)
	}
}

func TestTickets(t *testing.T) {
	const app = "https://app.example.com"
	bound := changed(bob(), func(t *tickets.Ticket) { t.Bound, t.Origin = true, app })
	rows := []struct {
		name   string
		ticket tickets.Ticket
		uri    string // with %s for the ticket
		header []string
		status int
	}{
		{"of the page", bound, "/?ticket=%s", append(upgrade(), "Origin: "+app), 200},
		{"of another page", bound, "/?ticket=%s", append(upgrade(), "Origin: https://evil.example"), 401},
		{"of no page", bound, "/?ticket=%s", upgrade(), 401},
		{"for its path", changed(bob(), func(t *tickets.Ticket) { t.Path = "/socket" }), "/socket?ticket=%s", upgrade(), 200},
		{"for another path", changed(bob(), func(t *tickets.Ticket) { t.Path = "/socket" }), "/admin?ticket=%s", upgrade(), 401},
		{"for another route", changed(bob(), func(t *tickets.Ticket) { t.Route = "chat" }), "/?ticket=%s", upgrade(), 401},
		{"of a key that is gone", changed(bob(), func(t *tickets.Ticket) { t.Credential = "key_000000000000" }), "/?ticket=%s", upgrade(), 401},
		{"of a key that has ended", changed(bob(), func(t *tickets.Ticket) { t.Credential = apikey.Hash(oldKey).ID() }), "/?ticket=%s", upgrade(), 401},
		{"of somebody else's key", changed(bob(), func(t *tickets.Ticket) { t.Consumer = "alice" }), "/?ticket=%s", upgrade(), 401},
		{"of a client", tickets.Ticket{Consumer: "robot", Credential: "oauth2:demo-client"}, "/?ticket=%s", upgrade(), 200},
		{"of a client that is gone", tickets.Ticket{Consumer: "robot", Credential: "oauth2:other"}, "/?ticket=%s", upgrade(), 401},
		{"of somebody else's client", tickets.Ticket{Consumer: "alice", Credential: "oauth2:demo-client"}, "/?ticket=%s", upgrade(), 401},
		{"of a signer who is gone", tickets.Ticket{Consumer: "robot", Credential: "jwt:demo"}, "/?ticket=%s", upgrade(), 401},
		{"of a consumer that is gone", changed(bob(), func(t *tickets.Ticket) { t.Consumer = "mallory" }), "/?ticket=%s", upgrade(), 401},
		{"of a token", tickets.Ticket{Consumer: "alice", Credential: "jwt:demo", Keyless: true, Token: &tickets.Token{Subject: "s"}}, "/?ticket=%s", upgrade(), 200},
		{
			"of a token that has ended",
			tickets.Ticket{Consumer: "alice", Keyless: true, Token: &tickets.Token{Expires: time.Unix(1, 0)}},
			"/?ticket=%s", upgrade(), 401,
		},
		{"without a WebSocket", bob(), "/?ticket=%s", nil, 401},
		{"twice", bob(), "/?ticket=%s&ticket=x", upgrade(), 401},
		{"under another name", bob(), "/?other=%s", upgrade(), 401},
		{"nonsense", bob(), "/?ticket=nonsense#%s", upgrade(), 401},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			ctx, app := shop(t)
			g := serve(t, ctx, `{"ticket": "ticket"}`)
			a := g.do(t, call{uri: fmt.Sprintf(row.uri, issued(t, app, row.ticket)), header: row.header})
			if a.status != row.status {
				t.Errorf("status %d, %s", a.status, a.body)
			}
		})
	}
}

func TestTicketsForAnyRequest(t *testing.T) {
	ctx, app := shop(t)
	g := serve(t, ctx, `{"ticket": "t", "ticket_requests": "any"}`)
	if a := g.do(t, call{uri: "/events?t=" + issued(t, app, bob())}); a.status != 200 || a.up.URI != "/events" {
		t.Errorf("status %d, %+v", a.status, a.up)
	}
}

// TestUnusedTicketsGo: a ticket beside a key is not used, and travels no further either.
func TestUnusedTicketsGo(t *testing.T) {
	ctx, app := shop(t)
	text := issued(t, app, bob())
	for _, config := range []string{`{"ticket": "ticket"}`, `{}`} {
		a := serve(t, ctx, config).do(t, call{uri: "/?ticket=" + text + "&x=1", header: []string{"apikey: " + otherKey}})
		if a.status != 200 || a.up.User != "alice" || a.up.URI != "/?x=1" {
			t.Errorf("%s: status %d, %+v", config, a.status, a.up)
		}
	}
	if a := serve(t, ctx, `{"ticket": "ticket"}`).do(t, call{uri: "/?ticket=" + text, header: upgrade()}); a.status != 200 {
		t.Errorf("it is used up: %d %s", a.status, a.body)
	}
	// What only has the name of one belongs to somebody else.
	a := serve(t, ctx, `{"ticket": "ticket"}`).do(t, call{uri: "/?ticket=4711", header: []string{"apikey: " + otherKey}})
	if a.status != 200 || a.up.URI != "/?ticket=4711" {
		t.Errorf("status %d, %+v", a.status, a.up)
	}
}

func TestTicketIsKnownAsOne(t *testing.T) {
	ctx, app := shop(t)
	k := &load(t, ctx, `{"ticket": "ticket"}`).(*Handler).Keys
	ticket := bob()
	ticket.Keyless, ticket.Token = true, &tickets.Token{Issuer: "i", Scopes: []string{"a"}}
	r, rq := prepared(t, "/?ticket="+issued(t, app, ticket))
	r.Header.Set("Upgrade", "websocket")
	a, err := k.Authenticate(r, rq)
	if err != nil || a.Verdict != state.Accepted || !a.Uncached || !rq.ByTicket || a.Token == nil || a.Token.Issuer != "i" || a.Credential.Consumer.Name != "bob" {
		t.Errorf("Authenticate = %+v, %v", a, err)
	}
}

// TestRecordsGone: where nobody can say what a ticket is worth, the answer is 503, and
// nobody is taken for somebody else.
func TestRecordsGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, recorddb.FileName), make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	store := fmt.Sprintf(`"ledger": {"memory": true}, "store": {"module": "embedded", "path": %q}, `, dir)
	ctx := provisioned(t, people(store))
	uri := "/?ticket=" + tickets.Prefix + strings.Repeat("a", tickets.Length-len(tickets.Prefix))
	for _, config := range []string{
		`{"ticket": "ticket"}`, `{"ticket": "ticket", "anonymous": "nobody"}`, `{"ticket": "ticket", "anonymous": "nobody", "profile": "kong"}`,
	} {
		a := serve(t, ctx, config).do(t, call{uri: uri, header: upgrade()})
		if a.status != 503 || a.header.Get("Retry-After") == "" || a.header.Get("Www-Authenticate") != "" || a.up != nil {
			t.Errorf("%s: status %d, %v, %s", config, a.status, a.header, a.body)
		}
	}
	provider := authentication(`"gateway_key": {"ticket": "ticket"}`)
	if a := serve(t, ctx, provider).do(t, call{uri: uri, header: upgrade()}); a.status != 401 && a.status != 503 || a.up != nil {
		t.Errorf("provider: status %d, %s", a.status, a.body)
	}
}

func TestTicketsWithoutKeys(t *testing.T) {
	ctx := provisioned(t, `{`+inMemory+`"consumers": [{"name": "bob"}]}`)
	if _, err := loadErr(ctx, `{"ticket": "ticket"}`); err != nil {
		t.Errorf("tickets need no keys: %v", err)
	}
	if _, err := loadErr(ctx, `{}`); err == nil {
		t.Error("neither keys nor tickets")
	}
}
