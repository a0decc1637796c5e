// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/gateway"
)

// secretNames are the names, in lower case and with "-" for "_", under which
// requests and responses carry secrets. A set never changes.
type secretNames struct {
	headers map[string]struct{}
	query   map[string]struct{}
	forms   []keyForm // of keys among subprotocols
}

// secrets is what every log encoder of this process hides. Names are added
// when a config with a key_auth or an encoder that names them is loaded, and
// never taken away, because a request of an old config may still be logged: so
// the set is bounded by what configs contain. Encoders read it without a lock.
var secrets struct {
	sync.Mutex // held by writers
	current    atomic.Pointer[secretNames]
}

func init() {
	secrets.current.Store(&secretNames{
		headers: setOf("apikey", "api-key", "x-api-key", "x-goog-api-key", "authorization", "proxy-authorization",
			"cookie", "set-cookie", "x-auth-token", "x-amz-security-token"),
		query: setOf("apikey", "api-key", "x-api-key", "key", "token", "access-token", "refresh-token", "id-token",
			"client-secret", "password", "signature", "sig", "x-amz-signature", "x-amz-credential",
			"x-amz-security-token", "x-goog-signature", "x-goog-credential", "ticket"),
		forms: allForms[:len(allForms)-1], // all that have a prefix
	})
	gateway.OnSecretNames(learn) // what other features take credentials from
}

func setOf(names ...string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}

// currentSecrets is the set as it is now.
func currentSecrets() *secretNames { return secrets.current.Load() }

// learn adds names to what encoders hide.
func learn(headers, query []string) {
	secrets.Lock()
	defer secrets.Unlock()
	old := secrets.current.Load()
	secrets.current.Store(&secretNames{
		headers: extended(old.headers, headers),
		query:   extended(old.query, query),
		forms:   old.forms,
	})
}

// learnForms adds forms of keys in subprotocols.
func learnForms(forms []keyForm) {
	secrets.Lock()
	defer secrets.Unlock()
	bigger := *secrets.current.Load()
	bigger.forms = slices.Clone(bigger.forms)
	for _, f := range forms {
		if !slices.Contains(bigger.forms, f) {
			bigger.forms = append(bigger.forms, f)
		}
	}
	secrets.current.Store(&bigger)
}

func extended(set map[string]struct{}, names []string) map[string]struct{} {
	bigger := make(map[string]struct{}, len(set)+len(names))
	for name := range set {
		bigger[name] = struct{}{}
	}
	for _, name := range names {
		bigger[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = struct{}{}
	}
	return bigger
}

// learnPlaces adds the carriers of a key_auth. Fields of bodies are never
// logged, but a form may also be sent as a query.
func learnPlaces(places []place) {
	var headers, query []string
	for _, p := range places {
		switch p.kind {
		case inHeader, inBearer:
			headers = append(headers, p.name)
		case inQuery, inBody, inTicket:
			query = append(query, p.name)
		case inWebSocket: // see learnForms
		}
	}
	learn(headers, query)
}

// header says that the value of the header called name is secret. The name may
// also be that of a CGI variable, HTTP_X_API_KEY.
func (n *secretNames) header(name string) bool {
	if len(name) > len("http_") && strings.EqualFold(name[:5], "http_") {
		name = name[5:]
	}
	return inSet(n.headers, name)
}

// inSet looks a name up in any case, without allocating.
func inSet(set map[string]struct{}, name string) bool {
	var buf [64]byte
	if len(name) > len(buf) {
		_, ok := set[strings.ReplaceAll(strings.ToLower(name), "_", "-")]
		return ok
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '_':
			c = '-'
		}
		buf[i] = c
	}
	_, ok := set[string(buf[:len(name)])]
	return ok
}
