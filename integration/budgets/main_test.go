// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// patience is how long a test waits for something that ought to happen before long.
const patience = 30 * time.Second

// workshop is where the program is built.
var workshop string

func TestMain(m *testing.M) {
	var err error
	if workshop, err = os.MkdirTemp("", "tollgate-budgets"); err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the program:", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(workshop); err != nil {
		fmt.Fprintln(os.Stderr, "remove the program:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// soak is how many times as long as usual tests are to go on.
func soak() int {
	if n, err := strconv.Atoi(os.Getenv("TOLLGATE_SOAK")); err == nil && n > 1 {
		return n
	}
	return 1
}

// scaled is a number of things that a test does: fewer if time is short, more in a soak.
func scaled(n, short int) int {
	if testing.Short() {
		return short
	}
	return n * soak()
}

// eventually fails the test unless ok returns true before long. It returns how long
// that took.
func eventually(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}
