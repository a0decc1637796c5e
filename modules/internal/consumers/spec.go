// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

// Spec describes one consumer as an operator writes it. Build checks and
// compiles it.
//
// In JSON every member but name may be left out or null. Reading is strict: an
// unknown or repeated member is an error, and names are case-sensitive.
type Spec struct {
	// Name identifies the consumer: at most 128 bytes of printable UTF-8, no
	// comma, no space at either end. It travels in headers.
	Name string `json:"name"`
	// CustomID is the consumer's identifier elsewhere, under the same rules;
	// unique where it is not empty.
	CustomID string `json:"custom_id,omitempty"`
	// Tags are labels under the same rules.
	Tags []string `json:"tags,omitempty"`
	// Groups are the groups the consumer belongs to: declared ones, or one
	// called like the consumer itself.
	Groups []string `json:"groups,omitempty"`
	// Plan is the name of a plan of the gateway that limits what the consumer may
	// use. It holds besides the plans of its groups. Default: none of its own.
	Plan string `json:"plan,omitempty"`
	// Keys are the consumer's keys, any number. Without one the consumer can
	// only be used as the anonymous consumer, or through other authentication.
	Keys []KeySpec `json:"keys,omitempty"`
	// AllowIPs lists addresses and CIDR networks that the consumer may call
	// from; empty means all. Host bits of a network are ignored.
	AllowIPs []string `json:"allow_ips,omitempty"`
	// Models lists the models the consumer may use, `*` standing for any run of
	// characters; empty means all.
	Models []string `json:"models,omitempty"`
	// JWTs are credentials with which the consumer signs tokens itself.
	JWTs []JWTSpec `json:"jwts,omitempty"`
	// Clients are the consumer's OAuth 2.0 clients, any number.
	Clients []ClientSpec `json:"oauth_clients,omitempty"`
}

// KeySpec describes one key. In JSON it may also be a plain string, which is
// then the member key.
type KeySpec struct {
	// Key is "sha256:<64 hex>", or what BuildOptions.Resolve makes of it.
	Key string `json:"key"`
	// NotBefore is the moment from which the key may be used: an RFC 3339 time,
	// or a date, which means the start of that day in UTC. Default: always.
	NotBefore string `json:"not_before,omitempty"`
	// Until is the moment from which the key may no longer be used: an RFC 3339
	// time, or a date, which means the end of that day in UTC, so that the key
	// still works on the day named. Default: never ends.
	Until string `json:"until,omitempty"`
	// Groups narrow the consumer's groups; each must be one of them. Default:
	// all of the consumer's.
	Groups []string `json:"groups,omitempty"`
	// Models narrow the consumer's models: a model must be admitted by both
	// lists. Default: all of the consumer's.
	Models []string `json:"models,omitempty"`
	// Tags replace the consumer's tags. Default: the consumer's.
	Tags []string `json:"tags,omitempty"`
}
