// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var sayReady = regexp.MustCompile(`ready (\d+)`)

// begin starts a script as a server.
func begin(t *testing.T, ctx context.Context, script string) *server {
	t.Helper()
	s, err := newServer(ctx, "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func TestServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		want         string // of what it captures
		wrong        string // in the error
	}{
		{"ready", `echo ready 7; exec cat`, "7", ""},
		{"ready in pieces", `printf rea; printf 'dy 8\n'; exec cat`, "8", ""},
		{"ends", `echo 'no port' >&2; exit 3`, "", "no port"},
		{"does not heed signals", `trap '' TERM; echo ready 9; while read line; do :; done`, "9", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, t.Context(), test.script)
			got, err := s.wait(t.Context(), sayReady)
			if got != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Fatalf("it says %q, %v; want %q, %q", got, err, test.want, test.wrong)
			}
			s.stop()
			if err := s.cmd.Process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("the process is there after it was stopped: %v", err)
			}
			if _, err := os.Stat(s.home); !os.IsNotExist(err) {
				t.Errorf("its folder is there after it was stopped: %v", err)
			}
		})
	}
}

func TestServerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := begin(t, ctx, `echo ready 1; exec cat`)
	if _, err := s.wait(ctx, sayReady); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.exited
	if _, err := s.wait(ctx, regexp.MustCompile(`(never)`)); err == nil {
		t.Error("it waits for a process that is gone")
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, err := newServer(t.Context(), "/nowhere/caddy")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err == nil {
		t.Error("it starts")
	}
	if _, err := os.Stat(s.home); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
}
