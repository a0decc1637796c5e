// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestEstimatesSurviveAReload(t *testing.T) {
	u, other := newUpstream(t, 20*time.Millisecond), newUpstream(t, 20*time.Millisecond)
	p := newProxy(t, "", u)
	p.wantStatus(t, http.StatusOK)
	before := estimate(t, u)
	if before < 20*time.Millisecond {
		t.Fatalf("estimate %s before", before)
	}
	p.load(t, "lb_retries 1", u, other)
	if after := estimate(t, u); after != before {
		t.Errorf("estimate was %s and is %s after a load", before, after)
	}
	if n, _ := registries.References(registryKey{}); n != 1 {
		t.Errorf("%d references to the registry, want 1", n)
	}
}

// TestRequestOutlivesItsConfiguration has an attempt answered after its policy has been
// cleaned up.
func TestRequestOutlivesItsConfiguration(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "", u)
	arrived, release := make(chan struct{}), make(chan struct{})
	u.handle(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.get(t.Context())
	}()
	<-arrived
	registry := known(t)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	close(release)
	<-done
	eventually(t, "nothing waits", func() bool { return registry.Waiting() == 0 })
}

func TestRefusedConfigurationKeepsNoReference(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "", u)
	err := load(`{
		admin off
	}
	http://` + p.address + ` {
		reverse_proxy ` + u.address() + ` {
			lb_policy latency
			transport http {
				tls_trust_pool file /does/not/exist
			}
		}
	}`)
	if err == nil {
		t.Fatal("a configuration with a missing file was loaded")
	}
	if n, _ := registries.References(registryKey{}); n != 1 {
		t.Errorf("%d references to the registry, want 1", n)
	}
}

// TestErrorHandledByAnotherProxy has a failed request served elsewhere, whose answer is
// not the upstream's.
func TestErrorHandledByAnotherProxy(t *testing.T) {
	down, rescue := newUpstream(t, 0), newUpstream(t, 0)
	p := newProxy(t, "", down)
	down.stop()
	if err := load(`{
		admin off
		persist_config off
	}
	http://` + p.address + ` {
		reverse_proxy ` + down.address() + ` {
			lb_policy latency
		}
		handle_errors {
			reverse_proxy ` + rescue.address() + `
		}
	}`); err != nil {
		t.Fatal(err)
	}
	if body := p.wantStatus(t, http.StatusOK); body != rescue.address() {
		t.Fatalf("answered by %q", body)
	}
	wantNothingWaiting(t)
	if !known(t).Get(down.address(), clock()).Failing() {
		t.Errorf("the upstream that is down does not count as failing, estimate %s", estimate(t, down))
	}
}
