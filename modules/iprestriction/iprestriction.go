// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package iprestriction admits or refuses requests by the address of the
// client.
package iprestriction

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler admits requests by the client's address. Without options it enforces
// what consumers say about themselves: whoever has an allow_ip list must call
// from an address on it, and whoever has none may call from anywhere. With
// Allow or Deny, the request must satisfy these as well; Deny wins over Allow.
//
// The address is Caddy's client IP: the peer, or what a peer listed in the
// server's trusted_proxies says about it. IPv4 addresses in IPv6 form count as
// IPv4, and zones are ignored. An address that cannot be read is refused where
// anything restricts it.
//
// It comes after whatever identifies the consumer. Without options there is
// nothing it could enforce on a caller whom nobody knows, so it fails closed:
// 401, unless another authentication, such as basic_auth, has accepted the
// caller. With options it applies these to everybody.
//
// Refusals are 403, code ip_not_allowed. A request that came as TLS early data
// is answered 425 (RFC 8470), because its address is not proven yet.
type Handler struct {
	// Allow lists addresses and CIDR prefixes that are admitted; by default
	// all are.
	Allow []string `json:"allow,omitempty"`

	// Deny lists addresses and CIDR prefixes that are refused.
	Deny []string `json:"deny,omitempty"`

	// Status is the status of refusals, from 400 to 599. Default: 403.
	Status int `json:"status,omitempty"`

	// Message is what refusals say. Default: "IP address not allowed: " and
	// the address.
	Message string `json:"message,omitempty"`

	app         *gateway.App
	allow, deny []netip.Prefix
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.ip_restriction", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the lists.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app = app
	if h.Status == 0 {
		h.Status = http.StatusForbidden
	}
	if h.Status < 400 || h.Status > 599 {
		return fmt.Errorf("ip_restriction: status is %d; it must be from 400 to 599", h.Status)
	}
	if h.allow, err = prefixes("allow", h.Allow); err != nil {
		return err
	}
	h.deny, err = prefixes("deny", h.Deny)
	return err
}

func prefixes(name string, list []string) ([]netip.Prefix, error) {
	parsed := make([]netip.Prefix, len(list))
	for i, s := range list {
		var err error
		if parsed[i], err = options.ParsePrefix(s); err != nil {
			return nil, fmt.Errorf("ip_restriction: %s[%d]: %w", name, i, err)
		}
	}
	return parsed, nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if h.app.Kong() {
		rq.KongErrors = true
	}
	if r.TLS != nil && !r.TLS.HandshakeComplete {
		return state.Deny(http.StatusTooEarly, "too_early",
			"The address of the client is not proven before the TLS handshake is complete; send the request again")
	}
	text, addr := clientIP(r)
	if !h.admits(addr) {
		return h.refuse(text)
	}
	switch {
	case rq.Credential != nil:
		if !rq.Credential.Consumer.AllowsIP(addr) {
			return h.refuse(text)
		}
	case len(h.allow)+len(h.deny) == 0 && !rq.KnownElsewhere(r):
		return state.Deny(http.StatusUnauthorized, "consumer_unknown",
			"This route restricts addresses by consumer, and nobody has identified the caller")
	}
	return next.ServeHTTP(w, r)
}

// admits applies the handler's own lists. The zero address, one that could not
// be read, is in no prefix, and fails against a deny list too.
func (h *Handler) admits(addr netip.Addr) bool {
	if contains(h.deny, addr) || len(h.deny) > 0 && !addr.IsValid() {
		return false
	}
	return len(h.allow) == 0 || contains(h.allow, addr)
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	for i := range list {
		if list[i].Contains(addr) {
			return true
		}
	}
	return false
}

// clientIP is the address that Caddy has determined, as text and parsed.
func clientIP(r *http.Request) (string, netip.Addr) {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return text, netip.Addr{}
	}
	return text, addr.Unmap().WithZone("")
}

func (h *Handler) refuse(ip string) error {
	message := h.Message
	if message == "" {
		message = "IP address not allowed: " + ip
	}
	return state.Deny(h.Status, "ip_not_allowed", message)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
