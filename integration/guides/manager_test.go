// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// manager starts and stops processes as systemd and docker do.
type manager struct {
	m       *Machine
	journal string // the file of what they have written
	images  map[string]image
	service *process // of the unit, or of the container
}

// process is a process that the manager has started.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// manage starts the manager of a machine.
func (m *Machine) manage() *manager {
	m.t.Helper()
	g := &manager{m: m, journal: filepath.Join(m.Root, "journal"), images: make(map[string]image)}
	dir, err := os.MkdirTemp("", "tg") // the path of a socket has room for about a hundred bytes
	m.must(err)
	m.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "manager")
	listener, err := net.Listen("unix", socket)
	m.must(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			g.serve(connection)
		}
	}()
	m.t.Cleanup(func() {
		_ = listener.Close()
		<-done
		if err := g.stop(); err != nil {
			m.t.Errorf("stop: %v", err)
		}
	})
	m.env = append(m.env, managerVariable+"="+socket)
	return g
}

// serve does what one order says.
func (g *manager) serve(connection net.Conn) {
	defer connection.Close()
	var o order
	if json.NewDecoder(connection).Decode(&o) != nil {
		return
	}
	output, err := g.do(o)
	r := result{Output: output}
	if err != nil {
		r.Output, r.Code = output+err.Error()+"\n", 1
	}
	_ = json.NewEncoder(connection).Encode(r) // who has asked is gone otherwise
}

func (g *manager) do(o order) (string, error) {
	switch o.Program {
	case "systemctl":
		return g.systemctl(o.Args)
	case "docker":
		return g.docker(o.Args)
	}
	data, err := os.ReadFile(g.journal)
	return string(data), err
}

// start starts a process and waits until it says that it is ready, as systemd does for
// units of the type notify.
func (g *manager) start(argv, env []string) error {
	if g.service != nil {
		return errors.New("it is started already")
	}
	socket := filepath.Join(filepath.Dir(g.lookup(managerVariable)), fmt.Sprint("ready", time.Now().UnixNano()))
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	journal, err := os.OpenFile(g.journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // what the page says
	cmd.Dir, cmd.Stdout, cmd.Stderr = g.m.Root, journal, journal
	cmd.Env = append(env, "NOTIFY_SOCKET="+socket)
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		_ = journal.Close()
		_ = ready.Close() // whoever waits for it stops
		close(p.exited)
	}()
	g.service = p
	message := make([]byte, 4096)
	for {
		n, err := ready.Read(message)
		if err != nil {
			g.service = nil
			return errors.New("it ended before it was ready")
		}
		if strings.Contains(string(message[:n]), "READY=1") {
			return nil
		}
	}
}

// stop ends the process, if there is one, and waits for it.
func (g *manager) stop() error {
	p := g.service
	if p == nil {
		return nil
	}
	g.service = nil
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		return errors.New("it does not end")
	}
}

// lookup returns a variable of the machine.
func (g *manager) lookup(name string) string {
	value := ""
	for _, entry := range g.m.env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// environment is that of a service: what is given, and what of the machine a service
// has to know here.
func (g *manager) environment(settings ...string) []string {
	env := []string{"PATH=" + g.lookup("PATH"), "HOME=" + g.m.Root + "/var/lib/caddy"}
	for _, name := range []string{"CADDY_ADMIN", "TMPDIR"} {
		if value := g.lookup(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, settings...)
}

// variables reads a file of variables.
func variables(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list, nil
}
