// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// builtBinary compiles cmd/caddy, once in a test run, the way an operator does who needs
// no more languages than the gateway knows itself.
var builtBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(homeVariable), "caddy")
	build := exec.Command("go", "build", "-trimpath", "-tags=nobadger,nomysql,nopgx,nolingua", "-o", path, "./cmd/caddy")
	build.Dir = ".."
	build.Env = append(os.Environ(), "HOME="+os.Getenv(callersHome), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out) + err.Error())
	}
	return path, nil
})

// command prepares an invocation of the gateway's binary in a directory of its own,
// with a home of its own and no input.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := builtBinary()
	if err != nil {
		t.Fatalf("build cmd/caddy: %v", err)
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home,
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_DATA_HOME="+filepath.Join(home, "data"))
	return cmd
}

// Outcome is what a command left behind.
type Outcome struct {
	Code           int
	Stdout, Stderr string
}

// run runs the gateway's binary to its end.
func run(t *testing.T, args ...string) Outcome {
	t.Helper()
	return outcome(t, command(t, args...))
}

// outcome runs a command that [command] has prepared, for tests that give it input or
// environment of their own.
func outcome(t *testing.T, cmd *exec.Cmd) Outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", strings.Join(cmd.Args[1:], " "), err)
	}
	return Outcome{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// Process is the gateway's binary running a Caddyfile.
type Process struct {
	// URL is http://127.0.0.1 with the port of {{PORT}}.
	URL, Addr string

	// Caddyfile is the path of its configuration; a test may overwrite it and send
	// SIGUSR1 or call "caddy reload".
	Caddyfile string

	t        *testing.T
	cmd      *exec.Cmd
	settings *settings
	stderr   *Sink
	exited   chan struct{} // closed when the process is gone
}

// start runs the binary with a Caddyfile and returns when it serves. Nothing is
// rewritten: the file itself has to say where the admin endpoint listens, and to bind
// to 127.0.0.1.
func start(t *testing.T, caddyfile string, opts ...option) *Process {
	t.Helper()
	p := &Process{t: t, settings: newSettings(opts), stderr: newSink(t), exited: make(chan struct{})}
	p.cmd = command(t, "run", "--adapter", "caddyfile", "--config", "Caddyfile")
	p.cmd.Stderr, p.cmd.Stdout = p.stderr, p.stderr
	p.Caddyfile = filepath.Join(p.cmd.Dir, "Caddyfile")
	p.Write(caddyfile)
	p.Addr = "127.0.0.1:" + p.settings.values["PORT"]
	p.URL = "http://" + p.Addr
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start caddy: %v", err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // already gone when the test stopped it
		<-p.exited
	})
	p.stderr.Wait(t, "serving initial configuration")
	return p
}

// Write replaces the Caddyfile, with the same ports and values as before.
func (p *Process) Write(caddyfile string) {
	p.t.Helper()
	if err := os.WriteFile(p.Caddyfile, []byte(p.settings.fill(p.t, caddyfile)), 0o600); err != nil {
		p.t.Fatalf("write Caddyfile: %v", err)
	}
}

// Value returns what a placeholder of the Caddyfile stands for.
func (p *Process) Value(name string) string { return p.settings.values[name] }

// Logs is what the process has written to its standard output and error.
func (p *Process) Logs() *Sink { return p.stderr }

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal caddy: %v", err)
	}
}

// Wait waits until the process has ended and returns its exit code.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("caddy still runs; it wrote:\n%s", p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}
