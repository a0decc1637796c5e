// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Browsers cannot set headers of a WebSocket, but they choose what stands in
// Sec-WebSocket-Protocol, the list of subprotocols that the client offers. So keys
// stand there in one of several forms.

// keyForm is a way to write a key as a subprotocol: behind a prefix, as it is or encoded, or
// as an element of its own behind the word that is the prefix.
type keyForm struct {
	prefix  string
	encoded bool // in base64url without padding
	pair    bool
}

// Names of forms, as Keys.WebSocket has them.
const (
	FormTollgate   = "tollgate"
	FormOpenAI     = "openai"
	FormKubernetes = "kubernetes"
	FormBearer     = "bearer"
)

// encodedScheme begins a form of the configuration whose keys are encoded.
const encodedScheme = "base64url:"

var namedForms = map[string]keyForm{
	FormTollgate:   {prefix: "tollgate.key.", encoded: true},
	FormOpenAI:     {prefix: "openai-insecure-api-key."},
	FormKubernetes: {prefix: "base64url.bearer.authorization.k8s.io.", encoded: true},
	FormBearer:     {prefix: "bearer", pair: true},
}

// parseForms reads the names of forms. A prefix of the operator's own ends in a dot.
func parseForms(names []string) ([]keyForm, error) {
	forms := make([]keyForm, 0, len(names))
	for i, name := range names {
		f, named := namedForms[name]
		if !named {
			f.prefix, f.encoded = strings.CutPrefix(name, encodedScheme)
			if !strings.HasSuffix(f.prefix, ".") || !httpguts.ValidHeaderFieldName(f.prefix) || len(f.prefix) < 3 {
				return nil, fmt.Errorf("%q is no form of a key; write tollgate, openai, kubernetes, bearer, "+
					"or a prefix of letters, digits and punctuation that ends in a dot, behind base64url: if keys are encoded", name)
			}
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%s is listed twice", name)
		}
		forms = append(forms, f)
	}
	return forms, nil
}

// key returns the key that begins with the first element of a list, and how many elements
// it takes; 0 if it is none of this form. What cannot be decoded is returned as it is, which
// is no key of anybody.
func (f keyForm) key(list []string) (key string, n int) {
	if f.pair {
		if !strings.EqualFold(list[0], f.prefix) || len(list) < 2 {
			return "", 0
		}
		return list[1], 2
	}
	if len(list[0]) < len(f.prefix) || !strings.EqualFold(list[0][:len(f.prefix)], f.prefix) {
		return "", 0
	}
	key = list[0][len(f.prefix):]
	if f.encoded {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(key)
		if err != nil {
			return list[0], 1
		}
		key = string(decoded)
	}
	return key, 1
}

// protocolsOf lists what a client offers.
func protocolsOf(lines []string) []string {
	var list []string
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if element = strings.Trim(element, " \t"); element != "" {
				list = append(list, element)
			}
		}
	}
	return list
}

// protocolKey returns the first key among the subprotocols that a request offers, and how
// many there are.
func (k *Keys) protocolKey(r *http.Request) (key string, n int) {
	lines := r.Header[state.HeaderProtocol]
	if len(lines) == 0 || !state.OpensWebSocket(r) {
		return "", 0
	}
	list := protocolsOf(lines)
	for len(list) > 0 {
		value, taken := keyAmong(k.forms, list)
		if taken > 0 {
			if n == 0 {
				key = value
			}
			n++
		}
		list = list[max(taken, 1):]
	}
	return key, n
}

func keyAmong(forms []keyForm, list []string) (key string, n int) {
	for _, f := range forms {
		if key, n = f.key(list); n > 0 {
			return key, n
		}
	}
	return "", 0
}

// allForms are those that are looked into for keys of this gateway, whatever is
// configured, and one for a key without a form.
var allForms = []keyForm{
	namedForms[FormTollgate], namedForms[FormOpenAI], namedForms[FormKubernetes], namedForms[FormBearer], {},
}

// hideProtocols removes subprotocols that are keys: all that have a form which is a carrier
// if one of them decided, and keys of this gateway in any form. If nothing is left, the
// answer names the one that was offered first, because browsers ask for that.
func (k *Keys) hideProtocols(r *http.Request, rq *state.Request, decided bool) {
	lines := r.Header[state.HeaderProtocol]
	if len(lines) == 0 {
		return
	}
	list := protocolsOf(lines)
	kept := make([]string, 0, len(list))
	for rest := list; len(rest) > 0; {
		n := 0
		if decided {
			_, n = keyAmong(k.forms, rest)
		}
		if n == 0 {
			n = k.ownKey(rest)
		}
		if n == 0 {
			kept, n = append(kept, rest[0]), 1
		}
		rest = rest[n:]
	}
	switch {
	case len(kept) == len(list):
	case len(kept) > 0:
		r.Header[state.HeaderProtocol] = []string{strings.Join(kept, ", ")}
	default:
		delete(r.Header, state.HeaderProtocol)
		rq.NameProtocol(r, list[0])
	}
}

// ownKey says how many elements at the beginning of a list are a key of this gateway.
func (k *Keys) ownKey(list []string) int {
	for _, forms := range [][]keyForm{k.forms, allForms} {
		for _, f := range forms {
			if key, n := f.key(list); n > 0 && k.isKey(key) {
				return n
			}
		}
	}
	return 0
}
