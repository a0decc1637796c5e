// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// follow does all that the page says, in its order.
func (m *Machine) follow() {
	m.t.Helper()
	for _, b := range blocks(m.t, m.page) {
		if m.before != nil {
			m.before(b)
		}
		if b.Language == "console" {
			m.run(b)
		} else if b.File != "" {
			m.write(b)
		}
		if m.t.Failed() {
			m.t.FailNow() // what comes next would fail for this
		}
	}
}

// run runs the commands of a block.
func (m *Machine) run(b Block) {
	m.t.Helper()
	for _, c := range commands(b) {
		if !installed(m.t, c.Line) {
			continue
		}
		got := m.shell(c.Line)
		if len(c.Want) > 0 && looking.MatchString(c.Line) {
			got = m.again(c, got)
		}
		if (got.Code != 0) != b.Fails {
			m.t.Fatalf("%s:%d: %s\nended with %d and said\n%s", m.page, b.Line, c.Line, got.Code, got.Output)
		}
		if len(c.Want) == 0 {
			continue
		}
		if err := compare(c.Want, got.Output); err != nil {
			m.t.Fatalf("%s:%d: %s\n%v; it said\n%s", m.page, b.Line, c.Line, err, got.Output)
		}
	}
}

// looking are commands that only look. What they look at is written behind the answer
// to a request, so it may not be there yet.
var looking = regexp.MustCompile(`^(grep|journalctl|curl -s localhost:(2019|9180)|caddy gateway (usage|limits|health|consumers)) `)

// again repeats a command until it prints what the page shows, for a while.
func (m *Machine) again(c Command, got Outcome) Outcome {
	m.t.Helper()
	for end := time.Now().Add(10 * time.Second); compare(c.Want, got.Output) != nil && time.Now().Before(end); {
		got = m.shell(c.Line)
	}
	return got
}

// optional are the programs that a machine which builds the gateway may lack.
var optional = regexp.MustCompile(`\b(python3|node|chromium)\b`)

// installed reports whether the programs that a command needs are there. What is missing
// is an error with TOLLGATE_GUIDES=all.
func installed(t *testing.T, command string) bool {
	t.Helper()
	for _, program := range optional.FindAllString(command, -1) {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("TOLLGATE_GUIDES") == "all" {
			t.Fatalf("%s is not installed", program)
		}
		t.Logf("%s is not installed; not run: %s", program, strings.SplitN(command, "\n", 2)[0])
		return false
	}
	return true
}
