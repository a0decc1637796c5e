// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestLLMGateway(t *testing.T) {
	t.Parallel()
	m := machine(t, "llm-gateway.md")
	m.neighbours("llm-gateway.env.example")
	m.follow()
}

func TestLanguageServices(t *testing.T) {
	t.Parallel()
	m := machine(t, "language-services.md")
	m.says = append(m.says, "localhost:8000", m.Gateway)
	m.neighbours("language-services.env.example")
	m.follow()
}

var (
	settingOf = regexp.MustCompile(`(?m)^(?:# )?([A-Z][A-Z0-9_]*)=(\S+)$`)
	placeOf   = regexp.MustCompile(`^[a-z0-9.-]+:\d+$`)
)

// neighbours has servers stand in for all that an example's variables say the place
// of, and sets what else of it belongs to a machine.
func (m *Machine) neighbours(variables string) {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(examplesDir, variables))
	m.must(err)
	url := provider(m.t)
	for _, setting := range settingOf.FindAllStringSubmatch(string(data), -1) {
		name, value := setting[1], setting[2]
		switch {
		case strings.HasPrefix(value, "https://"):
			value = url
		case placeOf.MatchString(value):
			value = service(m.t, name)
			if strings.HasPrefix(name, "OLLAMA") {
				value = strings.TrimPrefix(url, "http://")
			}
		case strings.HasPrefix(value, "/"):
			value = m.Root + value
		default:
			continue
		}
		m.env = append(m.env, name+"="+value)
	}
}
