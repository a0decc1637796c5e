// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ports

import (
	"net"
	"testing"
)

func TestFree(t *testing.T) {
	seen := map[string]bool{}
	t.Run("reserved", func(t *testing.T) {
		for range 200 {
			port := Free(t)
			if seen[port] {
				t.Fatalf("port %s was given twice", port)
			}
			seen[port] = true
			l, err := net.Listen("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			if reserve(t, port) {
				t.Fatalf("port %s can be reserved twice", port)
			}
		}
	})
	for port := range seen {
		if !reserve(t, port) {
			t.Errorf("port %s is not free after its test", port)
		}
		break
	}
}
