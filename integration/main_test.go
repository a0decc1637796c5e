// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
)

// homeVariable holds the temporary home of this test run. Its presence tells the
// test binary that it has been started a second time.
const homeVariable = "TOLLGATE_INTEGRATION_HOME"

// callersHome is the home directory of whoever started the tests. The Go toolchain
// keeps its caches there.
const callersHome = "TOLLGATE_INTEGRATION_CALLERS_HOME"

// TestMain gives the tests a home directory of their own. Caddy computes where its
// certificates and saved configurations live while packages are initialised, that is
// before TestMain; so the binary replaces itself with a copy whose environment says
// so from the beginning.
func TestMain(m *testing.M) {
	home := os.Getenv(homeVariable)
	if home == "" {
		restart()
	}
	code := m.Run()
	if err := os.RemoveAll(home); err != nil {
		fmt.Fprintln(os.Stderr, "remove temporary home:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// restart replaces the process by the same binary with a temporary home.
func restart() {
	fail := func(verb string, err error) {
		fmt.Fprintln(os.Stderr, verb, err)
		os.Exit(1)
	}
	home, err := os.MkdirTemp("", "tollgate")
	if err != nil {
		fail("create temporary home:", err)
	}
	self, err := os.Executable()
	if err != nil {
		fail("find test binary:", err)
	}
	for name, value := range map[string]string{
		homeVariable:      home,
		callersHome:       os.Getenv("HOME"),
		"HOME":            home,
		"XDG_CONFIG_HOME": filepath.Join(home, "config"),
		"XDG_DATA_HOME":   filepath.Join(home, "data"),
	} {
		if err := os.Setenv(name, value); err != nil {
			fail("set environment:", err)
		}
	}
	fail("start test binary again:", syscall.Exec(self, os.Args, os.Environ()))
}
