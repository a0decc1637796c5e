// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/integration/ports"
)

// program compiles cmd/caddy, once in a test run, the way an operator does.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workshop, "caddy")
	build := exec.Command("go", "build", "-trimpath", "-tags=nobadger,nomysql,nopgx,nolingua", "-o", path, "./cmd/caddy")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out) + err.Error())
	}
	return path, nil
})

// child is a process that ends with the test, or with the test binary if that is
// killed.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has

	mu    sync.Mutex
	lines []string // of its standard error
}

// order is a process to be started.
type order struct {
	cmd    *exec.Cmd
	result chan error
}

// launcher takes orders. Linux kills a process with the thread that has started it,
// so all are started by one that never ends.
var launcher = sync.OnceValue(func() chan<- order {
	orders := make(chan order)
	go func() {
		runtime.LockOSThread()
		for o := range orders {
			o.result <- o.cmd.Start()
		}
	}()
	return orders
})

// spawn starts a process.
func spawn(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{cmd: cmd, exited: make(chan struct{})}
	cmd.SysProcAttr = dieWithParent()
	stderr, err := cmd.StderrPipe()
	if err == nil {
		o := order{cmd, make(chan error)}
		launcher() <- o
		err = <-o.result
	}
	if err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	go func() {
		defer close(c.exited)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			c.mu.Lock()
			c.lines = append(c.lines, lines.Text())
			c.mu.Unlock()
		}
		_ = cmd.Wait() // it is killed in the end
	}()
	t.Cleanup(c.kill)
	return c
}

// kill ends the process without a warning, frozen or not.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.exited
}

// ended says that the process is gone.
func (c *child) ended() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// written returns the lines with all the texts in them.
func (c *child) written(texts ...string) (found []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
lines:
	for _, line := range c.lines {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// await waits for a line.
func (c *child) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); len(c.written(text)) == 0; time.Sleep(2 * time.Millisecond) {
		if c.ended() || time.Now().After(deadline) {
			t.Fatalf("%s has not written %q:\n%s", c.cmd.Path, text, strings.Join(c.written(), "\n"))
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + ports.Free(t)
}

// home is an environment with a home directory of its own.
func home(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	return append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_DATA_HOME="+filepath.Join(dir, "data"))
}
