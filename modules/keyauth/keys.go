// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

// Kinds of carriers, as Keys.Carriers names them.
const (
	CarrierHeader = "header"
	CarrierBearer = "bearer"
	CarrierQuery  = "query"
	CarrierBody   = "body"

	CarrierWebSocket = "websocket"
	CarrierTicket    = "ticket"
)

// carriers are all kinds, in the order of type kind.
var carriers = []string{CarrierHeader, CarrierBearer, CarrierQuery, CarrierBody, CarrierWebSocket, CarrierTicket}

// Keys says where requests carry their key, and what becomes of it.
//
// Carriers are looked at in order: the headers, then Authorization: Bearer,
// then the subprotocols of a WebSocket, then the query, then a ticket in it,
// then the body, and names of one kind in the order in which they are listed;
// Carriers changes the order of kinds. The first carrier that
// holds something decides, right or wrong. An empty value counts as absent. A
// carrier that occurs twice (two lines of one header, two parameters of one
// name) is refused, and so is a header value with a comma, which is how two
// lines look once a proxy has joined them.
//
// The carrier that decided is removed. Everything else belongs to whoever put
// it there, so it travels on, unless it holds a key of this gateway: that is
// looked for in the carriers, in the other headers and query parameters in
// which clients send keys, and in the query of Referer. See docs/key_auth.md
// for their names.
type Keys struct {
	// Carriers lists the kinds of carriers in the order in which they are
	// looked at: header, bearer, websocket, query, ticket, body. Default:
	// header and bearer, then those for which something is configured.
	Carriers []string `json:"carriers,omitempty"`

	// Headers are the names of headers that carry a key. Default: apikey and
	// X-API-Key; with the profile kong, apikey.
	Headers []string `json:"headers,omitempty"`

	// Bearer says whether "Authorization: Bearer" carries a key. Default:
	// true; with the profile kong, false. Other schemes are no carrier.
	Bearer *bool `json:"bearer,omitempty"`

	// Query are the names of query parameters that carry a key. Default:
	// none; with the profile kong, or where Carriers lists query, apikey. A
	// key in a URL ends up in histories and in logs of others: prefer headers.
	Query []string `json:"query,omitempty"`

	// Body are the names of fields of a body (a form, multipart or not, or a
	// JSON object) that carry a key. Default: none; where Carriers lists body,
	// apikey. Bodies of these types are then read whole.
	Body []string `json:"body,omitempty"`

	// WebSocket lists the forms in which keys stand in Sec-WebSocket-Protocol
	// of a request that opens a WebSocket, where browsers can put them:
	//
	//	tollgate    tollgate.key.<key>, in base64url without padding
	//	openai      openai-insecure-api-key.<key>
	//	kubernetes  base64url.bearer.authorization.k8s.io.<key>, in base64url
	//	bearer      the word bearer and, as the next element, <key>
	//
	// or prefixes that end in a dot, behind base64url: if keys are encoded. The
	// key is removed. If nothing else was offered, the answer names what was,
	// because browsers ask for that. Default: none.
	WebSocket []string `json:"websocket,omitempty"`

	// Ticket is the query parameter in which a ticket of gateway_ticket stands
	// for a key, once. Default: none; where Carriers lists ticket, ticket.
	Ticket string `json:"ticket,omitempty"`

	// TicketRequests says for which requests tickets are good: "websocket", for
	// those that open one, or "any". Default: websocket.
	TicketRequests string `json:"ticket_requests,omitempty"`

	// MaxBody is how many bytes of a body are read for its key, up to 2 GiB; larger
	// ones are refused with 413, and so are more than 10,000 fields, but of an
	// urlencoded form. Default: 10 MiB. It matters only with body.
	MaxBody int64 `json:"max_body,omitempty"`

	// HideCredentials says whether keys are removed before the request goes
	// on. Default: true; with the profile kong, false.
	HideCredentials *bool `json:"hide_credentials,omitempty"`

	// Realm is shown in WWW-Authenticate. Default: none, where the challenge
	// allows that.
	Realm string `json:"realm,omitempty"`

	// Profile "kong" takes defaults, messages and error bodies from Kong's
	// key-auth, for this handler alone. Default: the gateway app's profile.
	Profile string `json:"profile,omitempty"`

	app        *gateway.App
	table      *consumers.Table
	kong       bool
	hide       bool
	places     []place   // where a key is looked for
	names      []string  // of places, as they are configured
	hidden     []place   // what must not hold a key when the request goes on
	sensitive  []string  // the headers among hidden
	forms      []keyForm // of keys in subprotocols
	anyTickets bool
	readsBody  bool
	challenges []string
	missing    string
	invalid    string
}

// mostMaxBody bounds MaxBody.
const mostMaxBody = math.MaxInt32

// place is one carrier.
type place struct {
	kind kind
	name string // canonical for headers
}

type kind uint8

const (
	inHeader kind = iota
	inBearer
	inQuery
	inBody
	inWebSocket
	inTicket
)

// provision fills in the defaults and checks the options.
func (k *Keys) provision(app *gateway.App) error {
	k.app, k.table = app, app.ConsumerTable()
	if k.Profile != "" && k.Profile != gateway.ProfileKong {
		return fmt.Errorf("profile is %q; the only profile is kong", k.Profile)
	}
	if k.table.Keys() == 0 && !k.takesTickets() {
		return errors.New("no consumer has a key, so every request would be refused; give one a key in the gateway option")
	}
	k.kong = app.Kong() || k.Profile == gateway.ProfileKong
	k.hide = k.HideCredentials == nil && !k.kong || k.HideCredentials != nil && *k.HideCredentials
	if k.MaxBody == 0 {
		k.MaxBody = state.DefaultMaxBody
	}
	if k.MaxBody < 1 || k.MaxBody > mostMaxBody {
		return fmt.Errorf("max_body is %d; write a number of bytes from 1 to %d", k.MaxBody, mostMaxBody)
	}
	if strings.ContainsFunc(k.Realm, unicode.IsControl) {
		return errors.New("realm holds a control character")
	}
	if err := k.place(); err != nil {
		return err
	}
	if k.has(inTicket) {
		app.NeedRecords()
	}
	k.challenges = challengesFor(k.Realm, k.has(inBearer))
	k.missing, k.invalid = "No API key found in request", "Unauthorized"
	if !k.kong {
		k.missing += "; send it as " + k.describe()
		k.invalid = "The API key is not valid"
	}
	k.hidden = withHidingPlaces(k.places)
	k.sensitive = headersOf(k.hidden)
	learnPlaces(k.places)
	learnForms(k.forms)
	return nil
}

// place compiles the list of carriers.
func (k *Keys) place() error {
	kinds, err := k.kinds()
	if err != nil {
		return err
	}
	if k.TicketRequests != "" && k.TicketRequests != TicketsWebSocket && k.TicketRequests != TicketsAny {
		return fmt.Errorf("ticket_requests is %q; write websocket or any", k.TicketRequests)
	}
	k.places, k.names = nil, nil
	for _, kd := range kinds {
		var names []string
		switch kd {
		case CarrierHeader:
			names = k.headerNames()
			if err := checkHeaders(names); err != nil {
				return fmt.Errorf("headers: %w", err)
			}
		case CarrierBearer:
			names = []string{"Authorization"}
		case CarrierQuery:
			names = orDefault(k.Query)
		case CarrierBody:
			names = orDefault(k.Body)
			k.readsBody = true
		case CarrierWebSocket:
			if k.forms, err = parseForms(k.WebSocket); err != nil {
				return fmt.Errorf("websocket: %w", err)
			}
			names = []string{state.HeaderProtocol}
		case CarrierTicket:
			names = []string{cmp.Or(k.Ticket, tickets.DefaultName)}
			k.anyTickets = k.TicketRequests == TicketsAny
		}
		for _, name := range names {
			p := place{kindOf(kd), name}
			if p.kind == inHeader {
				p.name = http.CanonicalHeaderKey(name)
			}
			if name == "" || slices.Contains(k.places, p) {
				return fmt.Errorf("%s %q is listed twice or empty", kd, name)
			}
			k.places, k.names = append(k.places, p), append(k.names, name)
		}
	}
	return nil
}

// kinds decides which kinds of carriers are looked at.
func (k *Keys) kinds() ([]string, error) {
	bearer := k.Bearer == nil && !k.kong || k.Bearer != nil && *k.Bearer
	if k.Carriers == nil {
		kinds := []string{CarrierHeader}
		if bearer {
			kinds = append(kinds, CarrierBearer)
		}
		if k.WebSocket != nil {
			kinds = append(kinds, CarrierWebSocket)
		}
		if k.Query != nil || k.kong {
			kinds = append(kinds, CarrierQuery)
		}
		if k.takesTickets() {
			kinds = append(kinds, CarrierTicket)
		}
		if k.Body != nil {
			kinds = append(kinds, CarrierBody)
		}
		return kinds, nil
	}
	if len(k.Carriers) == 0 {
		return nil, errors.New("carriers is empty, so every request would be refused; list some of header, bearer, websocket, query, ticket, body")
	}
	given := map[string]bool{
		CarrierHeader: k.Headers != nil, CarrierBearer: k.Bearer != nil && *k.Bearer,
		CarrierQuery: k.Query != nil, CarrierBody: k.Body != nil,
		CarrierWebSocket: k.WebSocket != nil, CarrierTicket: k.Ticket != "" || k.TicketRequests != "",
	}
	for i, kd := range k.Carriers {
		if _, ok := given[kd]; !ok {
			return nil, fmt.Errorf("carrier %q is unknown; write header, bearer, websocket, query, ticket or body", kd)
		}
		if slices.Contains(k.Carriers[:i], kd) {
			return nil, fmt.Errorf("carrier %s is listed twice", kd)
		}
		if kd == CarrierBearer && k.Bearer != nil && !*k.Bearer {
			return nil, errors.New("carriers lists bearer, which is switched off; keep one of the two")
		}
		if kd == CarrierWebSocket && len(k.WebSocket) == 0 {
			return nil, errors.New("carriers lists websocket, of which no form is named; write: websocket tollgate")
		}
		given[kd] = false
	}
	for _, kd := range carriers {
		if given[kd] {
			return nil, fmt.Errorf("%s is configured but carriers does not list it; add it there", kd)
		}
	}
	return k.Carriers, nil
}

func (k *Keys) headerNames() []string {
	switch {
	case k.Headers != nil:
		return k.Headers
	case k.kong:
		return []string{"apikey"}
	default:
		return []string{"apikey", "X-API-Key"}
	}
}

func orDefault(names []string) []string {
	if names == nil {
		return []string{"apikey"}
	}
	return names
}

// takesTickets says that tickets are a carrier.
func (k *Keys) takesTickets() bool {
	return k.Ticket != "" || k.TicketRequests != "" || slices.Contains(k.Carriers, CarrierTicket)
}

func kindOf(name string) kind {
	return kind(slices.Index(carriers, name))
}

// reserved are headers that mean something else to HTTP or to Caddy.
var reserved = []string{
	"Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Host", "Keep-Alive", "Origin",
	"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func checkHeaders(names []string) error {
	for _, name := range names {
		if err := options.CheckRequestHeader(name); err != nil {
			return err
		}
		switch canonical := http.CanonicalHeaderKey(name); {
		case canonical == "Authorization":
			return errors.New("the header Authorization carries a key only as a bearer token; write: bearer on")
		case slices.Contains(reserved, canonical), state.IsIdentityHeader(name):
			return fmt.Errorf("%q has another meaning; choose a name such as apikey or X-API-Key", name)
		}
	}
	return nil
}

func (k *Keys) has(kd kind) bool {
	return slices.ContainsFunc(k.places, func(p place) bool { return p.kind == kd })
}

// describe says in words where a key may be.
func (k *Keys) describe() string {
	words := make([]string, len(k.places))
	for i, p := range k.places {
		switch p.kind {
		case inHeader:
			words[i] = "header " + k.names[i]
		case inBearer:
			words[i] = "Authorization: Bearer"
		case inQuery:
			words[i] = "query parameter " + k.names[i]
		case inBody:
			words[i] = "body field " + k.names[i]
		case inWebSocket:
			words[i] = "subprotocol of a WebSocket"
		case inTicket:
			words[i] = "ticket in the query parameter " + k.names[i]
		}
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return words[0]
}
