// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// withRecords is a gateway with something that keeps records, which has started.
func withRecords(t *testing.T, store string) *gateway.App {
	t.Helper()
	app, err := provision(t, "", store)
	if err != nil {
		t.Fatal(err)
	}
	app.NeedRecords()
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

// TestGatewaysShareRecords: what one gateway keeps another has, and of all who take it at
// once exactly one does.
func TestGatewaysShareRecords(t *testing.T) {
	server := redistest.Start(t)
	patient := urlOf(server) + `,"timeout":"5s"` // a busy machine is not what is tested
	one, two := withRecords(t, patient), withRecords(t, patient)
	defer cleanup(t, one)
	defer cleanup(t, two)
	for range 20 {
		if err := one.Records().Put(t.Context(), "ticket:1", []byte("x"), time.Minute); err != nil {
			t.Fatal(err)
		}
		var taken atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				_, found, err := []*gateway.App{one, two}[i%2].Records().Take(t.Context(), "ticket:1")
				if err != nil {
					t.Error(err)
				}
				if found {
					taken.Add(1)
				}
			})
		}
		if all.Wait(); taken.Load() != 1 {
			t.Fatalf("%d have taken it", taken.Load())
		}
	}
}

// TestRecordsWithoutRedis: nobody waits, and the error names the server and no password.
func TestRecordsWithoutRedis(t *testing.T) {
	const password = "demo-password-not-a-secret"
	server := redistest.Start(t, "--requirepass", password)
	app := withRecords(t, `"urls":["redis://:`+password+`@`+server.Addr+`"]`)
	defer cleanup(t, app)
	eventually(t, "Redis is up", func() bool { return app.Records().Put(t.Context(), "a:1", nil, 0) == nil })
	server.Stop()
	eventually(t, "Redis is known to be down", func() bool { return app.Limits().Err() != nil })
	began := time.Now()
	err := app.Records().Put(t.Context(), "a:1", nil, 0)
	if took := time.Since(began); !errors.Is(err, records.ErrUnavailable) || took > 100*time.Millisecond {
		t.Errorf("after %v: %v", took, err)
	}
	if text := err.Error(); !strings.Contains(text, server.Addr) || strings.Contains(text, password) {
		t.Errorf("the error is %s", text)
	}
	server.Cont()
	eventually(t, "Redis is up again", func() bool {
		_, found, err := app.Records().Get(t.Context(), "a:1")
		return err == nil && found
	})
}
