// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// server is a process that serves until it is stopped.
type server struct {
	cmd    *exec.Cmd
	input  io.Closer // at whose end the origin goes, also where nobody stops it
	home   string    // of its own, removed with it
	exited chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	more   chan struct{} // closed at the next output
}

// newServer prepares a process with a home of its own.
func newServer(ctx context.Context, name string, args ...string) (*server, error) {
	home, err := os.MkdirTemp("", "cachesuite")
	if err != nil {
		return nil, err
	}
	s := &server{home: home, exited: make(chan struct{}), more: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, name, args...) //nolint:gosec // Whoever runs this names the programs.
	s.cmd.Dir = home
	s.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 5 * time.Second
	input, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	s.input = input
	return s, nil
}

func (s *server) start() error {
	if err := s.cmd.Start(); err != nil {
		return errors.Join(err, os.RemoveAll(s.home))
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait() // how it ended is seen from what it said
	}()
	return nil
}

// stop ends the process, by force if it does not end itself, and removes its home.
func (s *server) stop() {
	_ = s.input.Close()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-s.exited:
	case <-time.After(s.cmd.WaitDelay):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	_ = os.RemoveAll(s.home)
}

// Write takes in what the process says.
func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.output.Write(p)
}

// said returns what the process has said.
func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// wait returns what pattern captures in what the process says, once it says it.
func (s *server) wait(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	for {
		s.mu.Lock()
		found, more := pattern.FindSubmatch(s.output.Bytes()), s.more
		s.mu.Unlock()
		if found != nil {
			return string(found[1]), nil
		}
		select {
		case <-more:
		case <-s.exited:
			return "", fmt.Errorf("%s has ended:\n%s", s.cmd.Path, s.said())
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not ready: %w\n%s", s.cmd.Path, ctx.Err(), s.said())
		}
	}
}

var (
	originReady  = regexp.MustCompile(`Listening on http://127\.0\.0\.1:(\d+)/`)
	gatewayReady = regexp.MustCompile(`(serving initial configuration)`)
)

// startOrigin starts the suite's own server on a free port and returns the port.
func startOrigin(ctx context.Context, suite, here string) (s *server, port string, err error) {
	s, err = newServer(ctx, "node", "--import", filepath.Join(here, "loopback.mjs"), filepath.Join(suite, "server", "server.mjs"))
	if err != nil {
		return nil, "", err
	}
	s.cmd.Env = append(s.cmd.Env, "npm_config_protocol=http", "npm_config_port=0", "npm_config_pidfile="+os.DevNull)
	if err := s.start(); err != nil {
		return nil, "", fmt.Errorf("start the origin server: %w", err)
	}
	if port, err = s.wait(ctx, originReady); err != nil {
		s.stop()
		return nil, "", fmt.Errorf("start the origin server: %w", err)
	}
	return s, port, nil
}

// startGateway starts the gateway on a free port in front of the origin and returns its
// URL. The port is taken here and handed on, so that nobody else gets it in between.
func startGateway(ctx context.Context, binary, caddyfile, originPort string) (s *server, url string, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	defer listener.Close()                            //nolint:errcheck // The gateway has its own.
	handed, err := listener.(*net.TCPListener).File() //nolint:forcetypeassert // It is TCP.
	if err != nil {
		return nil, "", err
	}
	defer handed.Close() //nolint:errcheck // As above.
	s, err = newServer(ctx, binary, "run", "--adapter", "caddyfile", "--config", caddyfile)
	if err != nil {
		return nil, "", err
	}
	s.cmd.ExtraFiles = []*os.File{handed}
	s.cmd.Env = append(s.cmd.Env, "ORIGIN_PORT="+originPort)
	if err := s.start(); err != nil {
		return nil, "", fmt.Errorf("start the gateway: %w", err)
	}
	if _, err = s.wait(ctx, gatewayReady); err != nil {
		s.stop()
		return nil, "", fmt.Errorf("start the gateway: %w", err)
	}
	return s, "http://" + listener.Addr().String(), nil
}
