// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package redistest runs real Redis servers for tests: single ones, one with
// replicas that Sentinels watch, and a Cluster. It also has a proxy that makes the
// way to a server slow, silent or broken.
//
// Only tests import it. Servers listen on free ports of 127.0.0.1, keep nothing
// unless a test asks for it, and end with the test, however that ends. The programs
// redis-server and redis-sentinel have to be installed: make test does it.
package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything of this package may take before a test fails.
const patience = 15 * time.Second

// Server is a redis-server process, or a redis-sentinel. Its methods fail the test
// where they cannot do what they say.
type Server struct {
	// Addr is host and port, the same after a restart.
	Addr string

	t       testing.TB
	dir     string
	program []string // what is run
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the process is gone
}

// Start runs a redis-server. The arguments follow those that make it listen and keep
// nothing, and may undo them: "--requirepass", "demo-password-not-a-secret".
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, t.TempDir(), func(port string) []string {
		return append(serverArgs(port), args...)
	})
}

// serverArgs are the arguments that every server has.
func serverArgs(port string) []string {
	return []string{
		"redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--loglevel", "notice", "--logfile", logName,
		// A test machine may be busy: what is asked for at once should be done at once.
		"--repl-diskless-sync-delay", "0",
	}
}

const logName = "server.log"

// start runs what program returns for a free port, and another one if somebody was
// faster in taking it.
func start(t testing.TB, dir string, program func(port string) []string) *Server {
	t.Helper()
	s := &Server{t: t, dir: dir}
	t.Cleanup(func() { s.end(); s.tell() })
	for range 5 {
		port := freePort(t)
		s.Addr, s.program = "127.0.0.1:"+port, program(port)
		if s.run() {
			return s
		}
	}
	t.Fatalf("%s does not start:\n%s", s.program[0], s.log())
	return nil
}

// run starts the process and waits until it answers. It returns false if it ends
// instead.
func (s *Server) run() bool {
	s.t.Helper()
	path, err := exec.LookPath(s.program[0])
	if err != nil {
		s.t.Fatalf("%s is not installed; install it with: sudo apt-get install redis-server redis-sentinel (make test does so)", s.program[0])
	}
	s.cmd = exec.Command(path, s.program[1:]...) //nolint:gosec,noctx // The arguments are the tests' own, and Cleanup ends it.
	s.cmd.Dir = s.dir
	s.cmd.SysProcAttr = dieWithParent()
	if err := launch(s.cmd); err != nil {
		s.t.Fatalf("run %s: %v", path, err)
	}
	ended := make(chan struct{})
	s.ended = ended
	cmd := s.cmd
	go func() {
		_ = cmd.Wait() // it is always killed
		close(ended)
	}()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		case <-time.After(2 * time.Millisecond):
		}
		if _, err := s.Try("PING"); err == nil || strings.HasPrefix(err.Error(), "NOAUTH") {
			return true
		}
	}
	s.t.Fatalf("%s does not answer:\n%s", s.program[0], s.log())
	return false
}

// URL is how clients are told of the server.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Port is the port alone.
func (s *Server) Port() string { return s.Addr[strings.LastIndexByte(s.Addr, ':')+1:] }

// Kill ends the process without warning, and waits until it is gone.
func (s *Server) Kill() {
	s.t.Helper()
	s.end()
}

func (s *Server) end() {
	if s.cmd == nil || s.ended == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // also ends one that is stopped; it may be gone
	<-s.ended
}

// Stop freezes the process: connections stay, and nothing is answered.
func (s *Server) Stop() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Cont lets a frozen process go on.
func (s *Server) Cont() { s.t.Helper(); s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%v to %s: %v", sig, s.Addr, err)
	}
}

// Restart kills the process if need be and runs it again at the same address. With
// empty it has forgotten everything; otherwise it has what it has last written: all,
// if it was running, since it is told to save before.
func (s *Server) Restart(empty bool) {
	s.t.Helper()
	select {
	case <-s.ended:
	default:
		if !empty {
			s.Do("SAVE")
		}
		s.Kill()
	}
	if empty {
		for _, name := range []string{"dump.rdb", "appendonlydir"} {
			if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	for range 5 { // the port may be taken for a moment, by a connection to it
		if s.run() {
			return
		}
	}
	s.t.Fatalf("%s does not start again:\n%s", s.program[0], s.log())
}

// log returns the end of what the server has to say.
func (s *Server) log() string {
	data, err := os.ReadFile(filepath.Join(s.dir, logName))
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

// tell shows the server's log if the test has failed.
func (s *Server) tell() {
	if s.t.Failed() {
		s.t.Logf("log of %s at %s:\n%s", s.program[0], s.Addr, s.log())
	}
}

// Eventually fails the test unless ok returns true before long. It is for what other
// processes do in their own time.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, patience, what, ok)
}

// Within is Eventually with a time that is part of what is tested. It returns how
// long it took.
func Within(t testing.TB, d time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > d {
			t.Fatalf("%s: not within %v", what, d)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// String names the server in messages of tests.
func (s *Server) String() string { return fmt.Sprintf("%s at %s", s.program[0], s.Addr) }
