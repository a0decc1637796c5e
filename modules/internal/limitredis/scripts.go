// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by it.
	_ "embed"
	"encoding/hex"
	"strings"
)

// script is a program for Redis, and the name by which Redis knows it.
type script struct{ source, sha string }

var (
	//go:embed script/counter.lua
	counterSource string
	//go:embed script/decide.lua
	decideSource string
	//go:embed script/plain.lua
	plainSource string
	//go:embed script/settle.lua
	settleSource string
	//go:embed script/renew.lua
	renewSource string
	//go:embed script/reset.lua
	resetSource string
	//go:embed script/mark.lua
	markSource string

	plainScript  = newScript(plainSource)
	decideScript = newScript(counterSource, decideSource)
	settleScript = newScript(counterSource, settleSource)
	renewScript  = newScript(counterSource, renewSource)
	resetScript  = newScript(counterSource, resetSource)
	markScript   = newScript(counterSource, markSource)
)

// newScript joins sources. Comments are for readers of this repository alone.
func newScript(sources ...string) *script {
	var b strings.Builder
	for _, source := range sources {
		for line := range strings.Lines(source) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "--") {
				b.WriteString(line)
				b.WriteByte('\n')
			}
		}
	}
	sum := sha1.Sum([]byte(b.String())) //nolint:gosec // As above.
	return &script{source: b.String(), sha: hex.EncodeToString(sum[:])}
}
