// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/integration/ports"
)

// patience is how long a command may take.
const patience = 2 * time.Minute

// Machine is what a page believes to be a machine.
type Machine struct {
	// Root is the directory in place of /, and Dir the one in it where commands run.
	Root, Dir string

	// Gateway and Admin are where the page's localhost:8300 and localhost:2019 are.
	Gateway, Admin string

	t    *testing.T
	page string

	// says are pairs of what a page says and what that is here.
	says []string
	env  []string

	// before is called before each block, if it is set.
	before func(Block)
}

// machine makes a machine for a page. Its files know of localhost:8300 and of
// localhost:2019; says are pairs of further names and what they stand for.
func machine(t *testing.T, page string, says ...string) *Machine {
	t.Helper()
	m := &Machine{Root: t.TempDir(), Gateway: "127.0.0.1:" + freePort(t), Admin: "127.0.0.1:" + freePort(t), t: t, page: page}
	m.Dir = filepath.Join(m.Root, "work")
	home, bin := filepath.Join(m.Root, "home"), filepath.Join(m.Root, "bin")
	for _, dir := range []string{m.Dir, home, bin, filepath.Join(m.Dir, "caddyfile-examples"), filepath.Join(m.Dir, "bin")} {
		m.must(os.MkdirAll(dir, 0o700))
	}
	caddy, err := builtBinary()
	m.must(err)
	m.must(os.Symlink(caddy, filepath.Join(bin, "caddy")))
	m.must(os.Symlink(caddy, filepath.Join(m.Dir, "bin", "caddy-slim")))
	m.says = append(says, "localhost:8300", m.Gateway, "localhost:2019", m.Admin, ":8300 {", ":"+port(m.Gateway)+" {")
	m.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home, "CADDY_ADMIN="+m.Admin,
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_DATA_HOME="+filepath.Join(home, "data"), "XDG_CACHE_HOME="+filepath.Join(home, "cache"),
		"GATEWAY_PORT="+port(m.Gateway), "LC_ALL=C")
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		m.must(err)
		m.env = append(m.env, name+"="+strings.TrimSpace(string(value)))
	}
	m.examples()
	t.Cleanup(m.stop)
	return m
}

// examples copies the examples, which listen on this machine alone.
func (m *Machine) examples() {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(examplesDir, "*"))
	m.must(err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		m.must(err)
		text := string(data)
		if strings.HasSuffix(name, ".Caddyfile") {
			text = local(text)
		}
		m.must(os.WriteFile(filepath.Join(m.Dir, "caddyfile-examples", filepath.Base(name)), []byte(text), 0o600))
	}
}

// local makes the servers of a Caddyfile listen on 127.0.0.1 only.
func local(text string) string {
	return strings.Replace("\n"+text, "\n{\n", "\n{\n\tdefault_bind 127.0.0.1\n", 1)[1:]
}

func (m *Machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%s: %v", m.page, err)
	}
}

// here is text of the page in terms of this machine.
func (m *Machine) here(text string) string { return strings.NewReplacer(m.says...).Replace(text) }

// there is what a command printed, in terms of the page.
func (m *Machine) there(text string) string {
	var back []string
	for pair := range slices.Chunk(m.says, 2) {
		back = append(back, pair[1], pair[0])
	}
	return strings.NewReplacer(back...).Replace(text)
}

// path is where a file of the page is.
func (m *Machine) path(name string) string {
	if name = m.here(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(m.Dir, name)
}

// write makes or changes the file of a block.
func (m *Machine) write(b Block) {
	m.t.Helper()
	name, text := m.path(b.File), b.Text
	if b.Language == "diff" {
		old, err := os.ReadFile(name)
		m.must(err)
		if text, err = patch(string(old), m.here(text)); err != nil {
			m.t.Fatalf("%s:%d: %v\nin\n%s", m.page, b.Line, err, old)
		}
	} else {
		if b.Language == "caddyfile" {
			if formatted := string(caddyfile.Format([]byte(text))); formatted != text {
				m.t.Errorf("%s:%d: caddy fmt would make of it\n%s", m.page, b.Line, formatted)
			}
			text = local(text)
		}
		text = m.here(text)
	}
	m.must(os.MkdirAll(filepath.Dir(name), 0o700))
	m.must(os.WriteFile(name, []byte(text), 0o600))
}

// Outcome is what a command left behind.
type Outcome struct {
	Code   int
	Output string // both of standard output and error, in terms of the page
}

// shell runs a command of the page. Its output goes to a file, because what it has
// started in the background may keep that open.
func (m *Machine) shell(line string) Outcome {
	m.t.Helper()
	out, err := os.CreateTemp(m.Root, "output")
	m.must(err)
	defer out.Close()
	cmd := exec.CommandContext(m.t.Context(), "bash", "-o", "pipefail", "-c", m.here(line))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = m.Dir, m.env, out, out
	m.must(cmd.Start())
	watch := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watch.Stop()
	_ = cmd.Wait() // the code says how it ended
	data, err := os.ReadFile(out.Name())
	m.must(err)
	return Outcome{Code: cmd.ProcessState.ExitCode(), Output: m.there(string(data))}
}

// stop stops the gateway, if it runs.
func (m *Machine) stop() {
	if connection, err := net.Dial("tcp", m.Admin); err == nil {
		_ = connection.Close()
		cmd := exec.Command("caddy", "stop", "--address", m.Admin)
		cmd.Path, cmd.Env, cmd.Err = filepath.Join(m.Root, "bin", "caddy"), m.env, nil
		if out, err := cmd.CombinedOutput(); err != nil {
			m.t.Errorf("stop gateway: %v\n%s", err, out)
		}
	}
}

// port is the port of an address.
func port(address string) string {
	_, number, err := net.SplitHostPort(address)
	if err != nil {
		panic(fmt.Sprintf("split %q: %v", address, err))
	}
	return number
}

// freePort returns a TCP port on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	return ports.Free(t)
}
