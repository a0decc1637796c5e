// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// shared is what belongs to the process rather than to one load of the config.
// It is never closed under a request in flight: handlers of an old config keep
// their pointer, and the memory goes when the last of them does.
type shared struct {
	since   time.Time      // when counting began
	ledger  *ledger.Memory // of configs that keep it in memory
	metrics *metrics
	// instance identifies the gateway where the ledger is in memory: with another
	// one it is another gateway to those that share a store.
	instance string
}

// Destruct implements caddy.Destructor.
func (*shared) Destruct() error { return nil }

const sharedKey = "gateway"

var sharedPool = caddy.NewUsagePool()

func acquireShared() (*shared, error) {
	value, _, err := sharedPool.LoadOrNew(sharedKey, func() (caddy.Destructor, error) {
		return &shared{since: time.Now(), ledger: ledger.NewMemory(ledger.Options{}), metrics: newMetrics(), instance: newInstance()}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("create process-wide state: %w", err)
	}
	return value.(*shared), nil
}

func releaseShared() error {
	_, err := sharedPool.Delete(sharedKey)
	return err
}
