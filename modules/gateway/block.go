// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"reflect"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// Block is what the directives of one block of a Caddyfile, and of those inside it,
// tell each other while they are adapted.
type Block struct{ state map[string]any }

// Keys in the state of a block.
const (
	blockRoute = "gateway.route"
	blockQuota = "gateway.quota"
)

// BlockOf returns the block in which h stands. At the top of a site nothing can be
// told: Caddy has one state there for all sites.
func BlockOf(h httpcaddyfile.Helper) Block {
	if reflect.ValueOf(h.State).Pointer() == reflect.ValueOf(h.BlockState).Pointer() {
		return Block{}
	}
	return Block{h.BlockState}
}

// NameRoute tells that the route of the block has a name. It is refused where a quota
// has already asked for it.
func (b Block) NameRoute(name string) error {
	if b.state == nil {
		return nil
	}
	if at, asked := b.state[blockQuota].(string); asked && b.state[blockRoute] != name {
		return fmt.Errorf("write it above the quota at %s, which counts under the name of its route", at)
	}
	b.state[blockRoute] = name
	return nil
}

// RouteName returns the name of the route, empty if it has none, for a quota that
// stands at a file and line.
func (b Block) RouteName(at string) string {
	if b.state == nil {
		return ""
	}
	b.state[blockQuota] = at
	name, _ := b.state[blockRoute].(string)
	return name
}
