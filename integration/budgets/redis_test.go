// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redis is a redis-server, at the same address after each start.
type redis struct {
	t    *testing.T
	addr string
	dir  string
	*child
}

// newRedis runs a redis-server that writes down what it knows.
func newRedis(t *testing.T) *redis {
	t.Helper()
	r := &redis{t: t, addr: freeAddress(t), dir: t.TempDir()}
	r.start()
	return r
}

func (r *redis) start() {
	r.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatal("redis-server is not installed; make test installs it, or: sudo apt-get install redis-server")
	}
	_, port, _ := strings.Cut(r.addr, ":")
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", r.dir)
	r.child = spawn(r.t, cmd)
	eventually(r.t, "Redis answers", func() bool { return r.tell("PING") == "+PONG" })
}

// tell sends a command and returns the first line of the answer.
func (r *redis) tell(command string) string {
	conn, err := net.DialTimeout("tcp", r.addr, time.Second) //nolint:noctx // It has a timeout.
	if err != nil {
		return err.Error()
	}
	defer conn.Close() //nolint:errcheck // The answer is there.
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return err.Error()
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// forget kills the server, which has nothing when it starts again.
func (r *redis) forget() {
	r.t.Helper()
	r.kill()
	if err := os.RemoveAll(r.dir); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
}

// flush empties the server while it runs.
func (r *redis) flush() {
	r.t.Helper()
	if got := r.tell("FLUSHALL"); got != "+OK" {
		r.t.Fatalf("FLUSHALL: %s", got)
	}
}

// freeze stops the process, with all its connections, until thaw.
func (r *redis) freeze() { r.signal(syscall.SIGSTOP) }

func (r *redis) thaw() { r.signal(syscall.SIGCONT) }

func (r *redis) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("%v to Redis: %v", s, err)
	}
}
