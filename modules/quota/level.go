// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// level is a set of limits that count the same subjects. It never changes.
type level struct {
	*quotaspec.Compiled

	name   string       // of the quota or plan
	by     quotaspec.By // with the default filled in
	key    string       // the level of keys
	byIP   string       // the level of keys of those who are not known
	byUser string       // the level of keys of those who are known, but no consumers
	ids    []string     // of the rules, for people: "requests/60s"

	alone    []*level // the level itself
	policies string   // the value of RateLimit-Policy
	labels   []string // of each rule, the beginning of the value of RateLimit
}

func newLevel(name, identity string, c *quotaspec.Compiled) *level {
	l := &level{Compiled: c, name: name, by: c.By}
	if l.by.Kind == quotaspec.ByUnset {
		l.by.Kind = quotaspec.ByConsumer
	}
	l.key = identity + "/" + l.by.String()
	l.alone = []*level{l}
	l.byIP, l.byUser = l.key+"/ip", l.key+"/user"
	for i := range c.Rules {
		r := &c.Rules[i]
		l.ids = append(l.ids, r.ID())
		label := `"` + name + ":" + r.ID() + `"`
		l.labels = append(l.labels, label+";r=")
		if r.Shadow {
			continue // nobody else needs to know
		}
		if l.policies != "" {
			l.policies += ", "
		}
		l.policies += label + policy(r)
	}
	return l
}

// knowable says that the level counts by who calls, who may become known later.
func (l *level) knowable() bool {
	switch l.by.Kind {
	case quotaspec.ByConsumer, quotaspec.ByCredential, quotaspec.ByGroup:
		return true
	default:
		return false
	}
}

// calls says that the level limits what only model calls use.
func (l *level) calls() bool { return l.Tokens || l.Cost || l.MaxOutput > 0 }

// keys appends the keys of those who are counted: one, or one for each group.
func (l *level) keys(dst []limits.Key, r *http.Request, rq *state.Request) []limits.Key {
	c := rq.Credential
	switch l.by.Kind {
	case quotaspec.ByGlobal:
		return append(dst, limits.Key{Level: l.key})
	case quotaspec.ByRoute:
		return append(dst, limits.Key{Level: l.key, Subject: rq.RouteName()})
	case quotaspec.ByHeader:
		if v := r.Header[l.by.Name]; len(v) > 0 && v[0] != "" {
			return append(dst, limits.Key{Level: l.key, Subject: veil(v[0])})
		}
	case quotaspec.ByPlaceholder:
		if v := expand(r, l.by.Name); v != "" {
			return append(dst, limits.Key{Level: l.key, Subject: veil(v)})
		}
	case quotaspec.ByIP:
		return append(dst, limits.Key{Level: l.key, Subject: network(r, l.by.IPv4, l.by.IPv6)})
	case quotaspec.ByCredential:
		if c != nil && c.ID != "" {
			return append(dst, limits.Key{Level: l.key, Subject: c.ID})
		}
	case quotaspec.ByGroup:
		if c != nil && len(c.Groups) > 0 {
			for _, g := range c.Groups {
				dst = append(dst, limits.Key{Level: l.key, Subject: g})
			}
			return dst
		}
	default: // by consumer
		if c != nil && !rq.Anonymous {
			return append(dst, limits.Key{Level: l.key, Subject: c.Consumer.Name})
		}
	}
	if c == nil && rq.KnownElsewhere(r) {
		return append(dst, limits.Key{Level: l.byUser, Subject: expand(r, "{http.auth.user.id}")})
	}
	return append(dst, limits.Key{Level: l.byIP, Subject: network(r, 32, 64)})
}

// veil stands for a value that may be a secret. Stores and those who look into
// them see this instead.
func veil(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// network is the prefix of the client's address. All whose address cannot be read
// are counted together.
func network(r *http.Request, bits4, bits6 int) string {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	if addr.Is4() && bits4 == 32 {
		return text // there is one way to write it
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() && bits4 == 32 {
		return addr.String()
	}
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// expand is the value of a placeholder; empty if there is none.
func expand(r *http.Request, placeholder string) string {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	return repl.ReplaceAll(placeholder, "")
}

// weight is what the request counts for. A placeholder that holds no weight
// counts as 1: a client that could make a request count less would.
func (l *level) weight(r *http.Request) int64 {
	if l.Weight.Placeholder == "" {
		return l.Weight.Constant
	}
	n, err := strconv.ParseInt(expand(r, l.Weight.Placeholder), 10, 64)
	if err != nil || n < 0 || n > quotaspec.MaxWeight {
		return 1
	}
	return n
}

// applies says whether the request is counted in a rule at all.
func (l *level) applies(rule *limits.Rule, rq *state.Request) bool {
	switch rule.Unit {
	case limits.Tokens, limits.InputTokens, limits.OutputTokens, limits.Cost:
		return rq.LLM.Bounder != nil
	default:
		return true
	}
}
