// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package consumers holds who may use the gateway: consumers, their keys, and
// what each key narrows. It reads descriptions (Spec) from JSON and CSV files,
// validates them as a whole, and builds an immutable Table for look-ups by key
// digest.
//
// A Table never changes. To change consumers, build another and swap the
// pointer; whoever holds the old one keeps a consistent view. Everything it
// hands out is shared: callers must not modify slices they get from here.
//
// A key in clear never enters this package except through BuildOptions.Resolve,
// whose result is a digest, and no error quotes one.
//
// A consumer with one key, a name and a custom id takes about 450 bytes at
// 100,000 consumers, look-up structure included. Equal lists of groups, tags,
// models and addresses are stored once.
package consumers

import (
	"net/netip"
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// Consumer is somebody who uses the gateway. It is immutable.
type Consumer struct {
	// Name identifies the consumer and is unique in its table.
	Name string
	// CustomID is the consumer's identifier in the operator's own systems;
	// unique where it is not empty.
	CustomID string
	// Tags are labels. They grant nothing.
	Tags []string
	// Groups are what access rules refer to, in the order they were written.
	Groups []string
	// Plans are the plans that hold for the consumer: its own, then those of its
	// groups in their order, each once. Equal lists are one in memory.
	Plans []string
	// Allow lists the networks that the consumer may call from; empty means all.
	// No entry is an IPv4-mapped IPv6 prefix, and none has host bits set.
	Allow []netip.Prefix

	models      *modelList
	credentials []Credential
}

// AllowsIP reports whether the consumer may call from addr. An IPv4-mapped IPv6
// address counts as IPv4, and a zone is ignored. The zero Addr, an unknown
// client address, is allowed only where the list is empty.
func (c *Consumer) AllowsIP(addr netip.Addr) bool {
	if len(c.Allow) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for i := range c.Allow {
		if c.Allow[i].Contains(addr) {
			return true
		}
	}
	return false
}

// Models returns the patterns of models that the consumer may use; none means
// every model. A key may narrow them further.
func (c *Consumer) Models() []string {
	return c.models.list()
}

// Credentials returns the consumer's keys in the order they were written, those
// not yet or no longer active included. It allocates; it is for administration.
func (c *Consumer) Credentials() []*Credential {
	list := make([]*Credential, len(c.credentials))
	for i := range c.credentials {
		list[i] = &c.credentials[i]
	}
	return list
}

// Credential is one key of a consumer with what it may effectively do, or the
// keyless access that Table.Anonymous gives. It is immutable.
type Credential struct {
	// Consumer owns the credential; never nil.
	Consumer *Consumer
	// ID names the key and is safe to show (see apikey.Digest.ID); empty for
	// keyless access.
	ID string
	// Groups are the key's own groups where it has any, else the consumer's.
	Groups []string
	// Tags are the key's own tags where it has any, else the consumer's.
	Tags []string
	// Plans are the consumer's own plan, if it has one, then those of the effective
	// groups in their order, each once. Equal lists are one in memory.
	Plans []string
	// TagSet is Tags sorted and joined by commas, which no tag holds.
	TagSet string

	models    *modelList // the key's own; the consumer's apply as well
	notBefore int64      // nanoseconds since the Unix epoch, 0: from always
	until     int64      // likewise, exclusive, 0: for ever
	digest    apikey.Digest
}

// Active reports whether the key may be used at now: not before its first
// moment, and before its last. The end is exclusive.
func (c *Credential) Active(now time.Time) bool {
	if c.notBefore == 0 && c.until == 0 {
		return true
	}
	t := now.UnixNano()
	return (c.notBefore == 0 || t >= c.notBefore) && (c.until == 0 || t < c.until)
}

// NotBefore returns the moment from which the key may be used, in UTC; the zero
// time if it always could be.
func (c *Credential) NotBefore() time.Time { return moment(c.notBefore) }

// Until returns the moment from which the key may no longer be used, in UTC;
// the zero time if it does not end.
func (c *Credential) Until() time.Time { return moment(c.until) }

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// HasModelList reports whether the consumer or the key limits the models, so
// that a request whose model cannot be read must be refused.
func (c *Credential) HasModelList() bool {
	return c.models != nil || c.Consumer.models != nil
}

// AllowsModel reports whether both the consumer's list and the key's admit
// model; a list that is absent admits every model. Comparison is case-sensitive
// and takes time linear in the length of model.
func (c *Credential) AllowsModel(model string) bool {
	return c.Consumer.models.admits(model) && c.models.admits(model)
}

// Models returns the key's own patterns of models; none means that the key does
// not narrow its consumer's.
func (c *Credential) Models() []string {
	return c.models.list()
}

// InGroup reports whether g is one of the effective groups.
func (c *Credential) InGroup(g string) bool {
	return slices.Contains(c.Groups, g)
}
