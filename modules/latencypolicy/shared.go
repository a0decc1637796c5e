// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/latency"
)

// maxAddresses is how many upstreams' estimates are kept. Addresses are unknown when
// a configuration is loaded, and with placeholders clients may have a say in them.
const maxAddresses = 1024

// registries holds the one registry that all policies use, for as long as there is a
// policy. Caddy loads a configuration before it drops the one before.
var registries = caddy.NewUsagePool()

type registryKey struct{}

// registry gives a registry to the pool.
type registry struct{ *latency.Registry }

// Destruct implements caddy.Destructor.
func (registry) Destruct() error { return nil }

func acquire() (*latency.Registry, error) {
	value, _, err := registries.LoadOrNew(registryKey{}, func() (caddy.Destructor, error) {
		return registry{latency.NewRegistry(maxAddresses)}, nil
	})
	if err != nil {
		return nil, err
	}
	return value.(registry).Registry, nil
}

func release() error {
	_, err := registries.Delete(registryKey{})
	return err
}

// origin is the moment from which all times count that the registry is told.
var origin = time.Now()

// clock returns the monotonic time since origin.
func clock() time.Duration { return time.Since(origin) }
