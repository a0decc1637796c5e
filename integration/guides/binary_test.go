// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// shelf is a directory for what all tests use.
var shelf string

func TestMain(m *testing.M) {
	if standIn, ok := standIns[filepath.Base(os.Args[0])]; ok {
		os.Exit(standIn(os.Args[1:]))
	}
	os.Exit(testAll(m))
}

func testAll(m *testing.M) (code int) {
	var err error
	if shelf, err = os.MkdirTemp("", "guides"); err != nil {
		fmt.Fprintln(os.Stderr, "create directory:", err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(shelf); err != nil {
			fmt.Fprintln(os.Stderr, "remove directory:", err)
			code = max(code, 1)
		}
	}()
	return m.Run()
}

// builtBinary compiles cmd/caddy, once in a test run, as "make slim" does.
var builtBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(shelf, "caddy")
	build := exec.Command("go", "build", "-trimpath", "-tags=nobadger,nomysql,nopgx,nolingua", "-o", path, "./cmd/caddy")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out) + err.Error())
	}
	return path, nil
})
