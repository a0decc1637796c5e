// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/integration/ports"
)

// site is what the configurations of a test have in common.
type site struct {
	addr, admin string
	upstream    string
	ledger      string // what follows the option of that name
	prices      string // file
	log         string // writer
	access      string // writer of the access log
	globals     string // further global options
}

// newSite has free ports for a gateway and a ledger in memory.
func newSite(t *testing.T, u *upstream) *site {
	t.Helper()
	s := &site{addr: freeAddress(t), admin: freeAddress(t), upstream: u.addr, ledger: "memory", log: "stderr", access: "discard"}
	s.prices = filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(s.prices, []byte(priceFile()), 0o600); err != nil {
		t.Fatalf("write prices: %v", err)
	}
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + ports.Free(t)
}

// consumerKey is the key of a consumer. It is no secret.
func consumerKey(i int) string { return fmt.Sprintf("demo-key-%d-not-a-secret", i) }

// caddyfile is the configuration. The number changes it without changing what it does.
func (s *site) caddyfile(number int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{
	admin %s
	persist_config off
	auto_https off
	%s
	servers {
		protocols h1 h2c
	}
	log {
		output %s
		format gateway json
	}
	gateway {
		ledger %s
		prices %s
		metrics_consumers %d
`, s.admin, s.globals, s.log, s.ledger, s.prices, 1000+number)
	for i := range consumers {
		fmt.Fprintf(&b, "\t\tconsumer %s {\n\t\t\tkey sha256:%x\n\t\t}\n", consumerName(i), sha256.Sum256([]byte(consumerKey(i))))
	}
	fmt.Fprintf(&b, `	}
}
http://%s {
	log {
		output %s
		format gateway json
	}
	correlation_id
	key_auth
	llm_cost auto
	reverse_proxy %s {
		lb_retries 3
		lb_try_interval 1ms
		lb_retry_match expression `+"`{rp.status_code} == 500`"+`
		request_buffers 1MiB
		transport http {
			keepalive_idle_conns_per_host 4096
		}
	}
}
`, s.addr, s.access, s.upstream)
	return b.String()
}
