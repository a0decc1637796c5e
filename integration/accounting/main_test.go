// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
)

// Names in the environment: the temporary home of this run of the tests, and the home
// of whoever started them, where the Go toolchain has its caches.
const (
	homeVariable = "TOLLGATE_ACCOUNTING_HOME"
	callersHome  = "TOLLGATE_ACCOUNTING_CALLERS_HOME"
)

// soak is how many times as long as usual tests are to go on.
func soak() int {
	if n, err := strconv.Atoi(os.Getenv("TOLLGATE_SOAK")); err == nil && n > 1 {
		return n
	}
	return 1
}

// TestMain gives the tests a home directory of their own. Caddy looks its directories
// up before TestMain runs, so the test binary starts itself again with another home.
func TestMain(m *testing.M) {
	home := os.Getenv(homeVariable)
	if home == "" {
		fmt.Fprintln(os.Stderr, "start tests in a temporary home:", again())
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(home); err != nil {
		fmt.Fprintln(os.Stderr, "remove temporary home:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// again replaces the process by one with a temporary home. It returns only if that
// fails.
func again() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "tollgate")
	if err != nil {
		return err
	}
	environment := append(os.Environ(), homeVariable+"="+home, callersHome+"="+os.Getenv("HOME"),
		"HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_DATA_HOME="+filepath.Join(home, "data"))
	return syscall.Exec(self, os.Args, environment)
}
