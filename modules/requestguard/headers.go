// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"net/http"
	"strings"
)

// traits is what one pass over the headers of a request found.
type traits struct {
	// lines is the number of header lines, without Host.
	lines int
	// duplicate is a header that may occur once and occurs more often.
	duplicate string
	// The headers that something must be done about.
	authorizations                           bool // more than one Authorization
	connection, upgrade, expect, host        bool
	override, forwarded, earlyData, settings bool
}

// inspect passes once over the headers. Names are canonical: servers of Go
// make them so.
func inspect(h http.Header) (t traits) {
	for name, values := range h {
		t.lines += len(values)
		switch name {
		case "Authorization":
			t.authorizations = len(values) > 1
		case "Connection":
			t.connection = true
		case "Upgrade":
			t.upgrade = true
		case "Expect":
			t.expect = true
		case "Host":
			t.host = true
		case "Early-Data":
			t.earlyData = true
		case "Http2-Settings":
			t.settings = true
		case "Access-Control-Request-Method", "Content-Location", "Content-Range", "Content-Type",
			"Idempotency-Key", "If-Modified-Since", "If-Range", "If-Unmodified-Since", "Max-Forwards",
			"Origin", "Proxy-Authorization", "Range":
			if len(values) > 1 {
				t.duplicate = name
			}
		case "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
			"X-Original-Url", "X-Rewrite-Url":
			t.override = true
		case "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip",
			"Cf-Connecting-Ip", "Fastly-Client-Ip", "X-Original-Forwarded-For", "X-Original-Host",
			"X-Forwarded", "X-Forwarded-Client-Cert", "X-Forwarded-Method", "X-Forwarded-Path",
			"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Server",
			"X-Forwarded-Ssl", "X-Forwarded-Uri":
			t.forwarded = true
		}
	}
	return t
}

// Headers that replace the method or the path of a request.
var overrideHeaders = [...]string{
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	"X-Original-Url", "X-Rewrite-Url",
}

// Statements about the client or about the request as it was before a proxy.
// X-Forwarded-For, -Host and -Proto are missing because Caddy's reverse_proxy
// itself replaces them unless they come from a trusted proxy.
var forwardedHeaders = [...]string{
	"Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip",
	"Cf-Connecting-Ip", "Fastly-Client-Ip", "X-Original-Forwarded-For", "X-Original-Host",
	"X-Forwarded", "X-Forwarded-Client-Cert", "X-Forwarded-Method", "X-Forwarded-Path",
	"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Server",
	"X-Forwarded-Ssl", "X-Forwarded-Uri",
}

// continueOnly says that all that is expected is 100-continue.
func continueOnly(values []string) bool {
	for _, v := range values {
		if !strings.EqualFold(v, "100-continue") {
			return false
		}
	}
	return true
}

// restrictUpgrade leaves of Upgrade the token websocket, and that only where
// websocket says so. Without it, the upgrade token of Connection goes too, and
// so does HTTP2-Settings, which makes sense with "Upgrade: h2c" only. A server
// behind the gateway that followed such an upgrade would take what comes next
// on the connection past every rule (RFC 9931).
func restrictUpgrade(h http.Header, websocket bool) {
	delete(h, "Http2-Settings")
	values := h["Upgrade"]
	if websocket && len(values) == 1 && strings.EqualFold(values[0], "websocket") {
		return
	}
	if websocket && offersWebSocket(values) {
		h["Upgrade"] = []string{"websocket"}
		return
	}
	delete(h, "Upgrade")
	dropConnectionToken(h, "upgrade")
	dropConnectionToken(h, "http2-settings")
}

func offersWebSocket(values []string) bool {
	for _, v := range values {
		for token := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(token, " \t"), "websocket") {
				return true
			}
		}
	}
	return false
}

// dropConnectionToken removes one token from Connection.
func dropConnectionToken(h http.Header, drop string) {
	var kept []string
	for _, v := range h["Connection"] {
		for token := range strings.SplitSeq(v, ",") {
			if token = strings.Trim(token, " \t"); token != "" && !strings.EqualFold(token, drop) {
				kept = append(kept, token)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}
