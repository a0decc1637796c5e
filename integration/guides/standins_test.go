// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// managerVariable says where the manager of a machine listens.
const managerVariable = "GUIDES_MANAGER"

// standIns are programs that the test binary is when it is called by their name. Those
// which start and stop processes ask the manager of the machine, so that the processes
// are children of the test. Those which would change users and owners do nothing.
var standIns = map[string]func(args []string) int{
	"systemctl":  func(args []string) int { return ask("systemctl", args) },
	"journalctl": func(args []string) int { return ask("journalctl", args) },
	"docker":     func(args []string) int { return ask("docker", args) },
	"sudo":       sudo,
	"useradd":    func([]string) int { return 0 },
	"chown":      func([]string) int { return 0 },
}

// sudo runs a command as whoever runs the test.
func sudo(args []string) int {
	if len(args) > 2 && args[0] == "-u" {
		args = args[2:]
	}
	if len(args) == 0 {
		return 1
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // a command of a page
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "sudo:", args[0], "cannot be run")
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// order is what the manager is asked to do, and result what came of it.
type (
	order struct {
		Program string
		Args    []string
	}
	result struct {
		Output string
		Code   int
	}
)

// ask has the manager of the machine do something.
func ask(program string, args []string) int {
	connection, err := net.Dial("unix", os.Getenv(managerVariable)) //nolint:noctx // answers at once, or the test ends
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer connection.Close()
	var r result
	if err := json.NewEncoder(connection).Encode(order{program, args}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewDecoder(connection).Decode(&r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(r.Output)
	return r.Code
}

// standIn puts the stand-ins on the path of a machine, and starts their manager.
func (m *Machine) standIn() *manager {
	m.t.Helper()
	self, err := os.Executable()
	m.must(err)
	for name := range standIns {
		m.must(os.Symlink(self, filepath.Join(m.Root, "bin", name)))
	}
	return m.manage()
}
