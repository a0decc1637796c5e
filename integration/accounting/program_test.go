// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// program compiles cmd/caddy, once in a test run, the way an operator does.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(homeVariable), "caddy")
	build := exec.Command("go", "build", "-trimpath", "-tags=nobadger,nomysql,nopgx,nolingua", "-o", path, "./cmd/caddy")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "HOME="+os.Getenv(callersHome), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out) + err.Error())
	}
	return path, nil
})

// command prepares an invocation of the program, with a home of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("build cmd/caddy: %v", err)
	}
	home := t.TempDir()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_DATA_HOME="+filepath.Join(home, "data"))
	return cmd
}

// usageByCommand asks "caddy gateway usage".
func usageByCommand(t *testing.T, args ...string) account {
	t.Helper()
	cmd := command(t, append([]string{"gateway", "usage", "--format", "json", "--by", byCaller}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("caddy gateway usage: %v\n%s", err, &stderr)
	}
	return accountOf(t, out)
}

// process is the program while it runs.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when it has written a line more
	lines   []string
}

// start runs the program with a configuration, and returns when it serves.
func (s *site) start(t *testing.T, wrap ...string) *process {
	t.Helper()
	p := s.launch(t, wrap...)
	if p.wait(t, "serving initial configuration") == "" {
		t.Fatalf("caddy has ended:\n%s", p)
	}
	return p
}

// launch runs the program with a configuration, by way of another command if there is
// one. It is killed with the test.
func (s *site) launch(t *testing.T, wrap ...string) *process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(s.caddyfile(0)), 0o600); err != nil {
		t.Fatalf("write Caddyfile: %v", err)
	}
	p := &process{cmd: command(t, "run", "--adapter", "caddyfile", "--config", file), exited: make(chan struct{}), changed: make(chan struct{})}
	if len(wrap) > 0 {
		args, environment := append(slices.Clone(wrap[1:]), p.cmd.Args...), p.cmd.Env
		p.cmd = exec.Command(wrap[0], args...)
		p.cmd.Env = environment
	}
	stderr, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatalf("start caddy: %v", err)
	}
	go func() {
		defer close(p.exited)
		lines := bufio.NewReader(stderr)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			p.add(line)
		}
		_ = p.cmd.Wait() // the exit code tells
	}()
	t.Cleanup(p.kill)
	return p
}

// quiet lines are those of the access log, of which there are many.
func (p *process) add(line string) {
	if strings.Contains(line, "http.log.access") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	close(p.changed)
	p.changed = make(chan struct{})
}

// kill ends the process without a warning.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// String returns what the process has written, but for its access log.
func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "")
}

// wait returns the first line that has all the texts in it, or "" if the process ends
// without writing one.
func (p *process) wait(t *testing.T, texts ...string) string {
	t.Helper()
	deadline := time.After(patience)
	from, ended := 0, false
	for {
		p.mu.Lock()
		lines, changed := p.lines[from:], p.changed
		p.mu.Unlock()
		from += len(lines)
		for _, line := range lines {
			if hasAll(line, texts) {
				return line
			}
		}
		if ended {
			return ""
		}
		select {
		case <-changed:
		case <-p.exited:
			ended = true // what it wrote last is there now
		case <-deadline:
			t.Fatalf("caddy has not written %q:\n%s", texts, p)
		}
	}
}

func hasAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// code waits for the end of the process and returns its exit code.
func (p *process) code(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("caddy still runs:\n%s", p)
	}
	return p.cmd.ProcessState.ExitCode()
}
