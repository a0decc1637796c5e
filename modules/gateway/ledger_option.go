// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

const (
	// defaultKeep is how long usage is kept: a year and a month to compare with.
	defaultKeep = 400 * 24 * time.Hour
	// minKeep is the shortest that can be asked for: less would make what a day
	// costs unknown.
	minKeep = 24 * time.Hour
)

// LedgerConfig says where usage is kept, and for how long.
type LedgerConfig struct {
	// Path is the directory of the ledger, absolute after placeholders have been
	// replaced. It is made, open to nobody else, if it is missing. One process
	// uses it at a time. Default: gateway/ledger in Caddy's data directory.
	Path string `json:"path,omitempty"`

	// Memory keeps usage in the memory of the process instead. Nothing is
	// written, and all is lost when the process ends.
	Memory bool `json:"memory,omitempty"`

	// Keep is for how long usage is kept: at least one day, or 0 for ever.
	// Default: 400 days.
	Keep *caddy.Duration `json:"keep,omitempty"`
}

// ledger reads the option of that name.
func (p *parser) ledger(args []string) (options.Set, error) {
	c := new(LedgerConfig)
	p.app.LedgerConfig = c
	if len(args) > 0 {
		if args[0] == "memory" {
			c.Memory = true
			return nil, nil
		}
		c.Path = args[0]
		if err := checkLedgerPath(c.Path, strings.Contains(c.Path, "{")); err != nil {
			return nil, err
		}
	}
	return options.Set{"keep": options.Func("<duration>|forever", c.readKeep)}, nil
}

func (c *LedgerConfig) readKeep(args []string) error {
	keep := caddy.Duration(0)
	if args[0] != "forever" {
		v, err := options.ParseDuration(args[0], 0, math.MaxInt64)
		if err != nil {
			return err
		}
		keep = caddy.Duration(v)
	}
	c.Keep = &keep
	return c.validate()
}

// checkLedgerPath refuses what would be another directory for a process that
// was started elsewhere.
func checkLedgerPath(path string, placeholders bool) error {
	if !placeholders && !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path; write a directory such as /var/lib/caddy/ledger, "+
			"because a relative one depends on where Caddy was started, or the word memory", path)
	}
	return nil
}

// validate checks what belongs together. Nil is valid.
func (c *LedgerConfig) validate() error {
	switch {
	case c == nil:
		return nil
	case c.Memory && c.Path != "":
		return errors.New("ledger is both in memory and in a directory; remove one of them")
	case c.Memory && c.Keep != nil:
		return errors.New("ledger in memory keeps nothing beyond the process; remove keep")
	case c.Keep != nil && *c.Keep != 0 && time.Duration(*c.Keep) < minKeep:
		return fmt.Errorf("ledger keeps usage for %s; write at least 1d, or 0 for ever", time.Duration(*c.Keep))
	}
	return nil
}

// keep returns for how long usage is kept, 0 for ever.
func (c *LedgerConfig) keep() time.Duration {
	if c == nil || c.Keep == nil {
		return defaultKeep
	}
	return time.Duration(*c.Keep)
}

// directory returns the directory of the ledger, clean and absolute, or "" where
// it is in memory. It touches no file.
func (c *LedgerConfig) directory() (string, error) {
	switch {
	case c == nil || c.Path == "" && !c.Memory:
		return defaultLedgerDir()
	case c.Memory:
		return "", nil
	}
	path, err := caddy.NewReplacer().ReplaceOrErr(c.Path, true, true)
	if err == nil {
		err = checkLedgerPath(path, false)
	}
	if err != nil {
		return "", fmt.Errorf("find ledger: %w", err)
	}
	return filepath.Clean(path), nil
}

func defaultLedgerDir() (string, error) {
	dir, err := filepath.Abs(filepath.Join(caddy.AppDataDir(), "gateway", "ledger"))
	if err != nil {
		return "", fmt.Errorf("find ledger: %w", err)
	}
	return dir, nil
}

// keepText says for how long usage is kept, in the words of the option.
func keepText(keep time.Duration) string {
	switch {
	case keep <= 0:
		return "forever"
	case keep%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", keep/(24*time.Hour))
	}
	return keep.String()
}
