// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// systemctl does what systemctl does with the one unit of a page.
func (g *manager) systemctl(args []string) (string, error) {
	if len(args) == 1 && args[0] == "daemon-reload" {
		return "", nil
	}
	now := slices.Contains(args, "--now")
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if len(args) != 2 {
		return "", fmt.Errorf("systemctl %q is not understood", args)
	}
	unit, err := g.unit(args[1])
	if err != nil {
		return "", err
	}
	switch args[0] {
	case "enable", "start":
		if args[0] == "enable" && !now {
			return "", nil
		}
		return "", g.startUnit(unit)
	case "stop":
		return "", g.stop()
	case "restart":
		if err := g.stop(); err != nil {
			return "", err
		}
		return "", g.startUnit(unit)
	case "reload":
		return g.reloadUnit(unit)
	case "is-active":
		if g.service == nil {
			return "inactive\n", fmt.Errorf("%s is not active", args[1])
		}
		return "active\n", nil
	}
	return "", fmt.Errorf("systemctl %s is not understood", args[0])
}

// unit reads the file of a unit.
func (g *manager) unit(name string) (map[string][]string, error) {
	data, err := os.ReadFile(filepath.Join(g.m.Root, "etc", "systemd", "system", strings.TrimSuffix(name, ".service")+".service"))
	if err != nil {
		return nil, err
	}
	settings := make(map[string][]string)
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			settings[name] = append(settings[name], value)
		}
	}
	if kind := settings["Type"]; len(kind) != 1 || kind[0] != "notify" {
		return nil, fmt.Errorf("unit %s is of type %q, want notify", name, kind)
	}
	return settings, nil
}

func (g *manager) unitEnvironment(unit map[string][]string) ([]string, error) {
	settings := unit["Environment"]
	for _, file := range unit["EnvironmentFile"] {
		list, err := variables(file)
		if err != nil {
			return nil, err
		}
		settings = append(settings, list...)
	}
	return g.environment(settings...), nil
}

func (g *manager) startUnit(unit map[string][]string) error {
	env, err := g.unitEnvironment(unit)
	if err != nil {
		return err
	}
	return g.start(strings.Fields(unit["ExecStart"][0]), env)
}

func (g *manager) reloadUnit(unit map[string][]string) (string, error) {
	env, err := g.unitEnvironment(unit)
	if err != nil {
		return "", err
	}
	argv := strings.Fields(unit["ExecReload"][0])
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // what the page says
	cmd.Env, cmd.Dir = env, g.m.Root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("job failed, %w; the journal says why: %s", err, out)
	}
	return "", nil
}
