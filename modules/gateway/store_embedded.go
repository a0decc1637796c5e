// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { caddy.RegisterModule(new(EmbeddedStore)) }

const embeddedStoreID caddy.ModuleID = storeNamespace + ".embedded"

const (
	defaultMaxEntries = 1_000_000
	defaultMaxMemory  = 256 << 20

	minMaxEntries = 1000
	maxMaxEntries = 1_000_000_000
	minMaxMemory  = 1 << 20
	maxMaxMemory  = 1 << 40
)

// EmbeddedStore keeps counters in the memory of the gateway and writes what must
// outlive it (windows of five minutes and longer, and money) to a directory. It needs no
// other program, and is the default. Gateways on several machines count each for
// itself: for limits that hold for all of them there is the store redis.
//
// The path may hold placeholders such as {env.HOME}, which are resolved when the
// config is loaded. One process uses the directory at a time; a second one does not
// start. On a disk that cannot be written, limits go on in memory, and hard budgets
// answer 503 once what waits to be written has used up its room.
type EmbeddedStore struct {
	// Path is the directory of the counters, absolute after placeholders have been
	// replaced. It is made, open to nobody else, if it is missing. Default:
	// gateway/limits in Caddy's data directory.
	Path string `json:"path,omitempty"`

	// Memory keeps counters in the memory of the process alone. They survive
	// reloads, and are lost when the process ends.
	Memory bool `json:"memory,omitempty"`

	// MaxEntries is how many counters are kept at most, from 1000 to 1000000000.
	// When there are more, some are forgotten: the least used first, and never one
	// that has reached its limit, counts money, or is reserved. Default: 1000000.
	MaxEntries int `json:"max_entries,omitempty"`

	// MaxMemory is how many bytes counters take up at most, from 1 MiB to 1 TiB.
	// Default: 256 MiB.
	MaxMemory int64 `json:"max_memory,omitempty"`

	dir string // empty if in memory
}

// CaddyModule returns the Caddy module information.
func (*EmbeddedStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: embeddedStoreID, New: func() caddy.Module { return new(EmbeddedStore) }}
}

// UnmarshalCaddyfile sets up the store from the option store of the gateway:
//
//	store embedded [<path>|memory] {
//		max_entries <n>
//		max_memory  <size>
//	}
func (s *EmbeddedStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	args, err := options.Args(d, "[<path>|memory]")
	if err != nil {
		return err
	}
	if len(args) > 0 {
		if s.Memory = args[0] == "memory"; !s.Memory {
			s.Path = args[0]
			if err := checkStorePath(s.Path, strings.Contains(s.Path, "{")); err != nil {
				return d.Errf("store embedded: %w", err)
			}
		}
	}
	return options.Parse(d, "store embedded", options.Set{
		"max_entries": options.Int(&s.MaxEntries, minMaxEntries, maxMaxEntries),
		"max_memory":  options.SizeBetween(&s.MaxMemory, minMaxMemory, maxMaxMemory),
	})
}

// checkStorePath refuses what would be another directory for a process that was
// started elsewhere.
func checkStorePath(path string, placeholders bool) error {
	if !placeholders && !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path; write a directory such as /var/lib/caddy/limits, "+
			"because a relative one depends on where Caddy was started, or the word memory", path)
	}
	return nil
}

// Provision fills in defaults and finds the directory. It touches no file.
func (s *EmbeddedStore) Provision(caddy.Context) error {
	if s.MaxEntries == 0 {
		s.MaxEntries = defaultMaxEntries
	}
	if s.MaxMemory == 0 {
		s.MaxMemory = defaultMaxMemory
	}
	if s.Memory {
		return nil
	}
	path := filepath.Join(caddy.AppDataDir(), "gateway", "limits")
	if s.Path == "" {
		dir, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("find counters: %w", err)
		}
		s.dir = dir
		return nil
	}
	path, err := caddy.NewReplacer().ReplaceOrErr(s.Path, true, true)
	if err == nil {
		err = checkStorePath(path, false)
	}
	if err != nil {
		return fmt.Errorf("find counters: %w", err)
	}
	s.dir = filepath.Clean(path)
	return nil
}

// Validate checks the values of options.
func (s *EmbeddedStore) Validate() error {
	var problems []error
	if s.Memory && s.Path != "" {
		problems = append(problems, errors.New("counters are both in memory alone and in a directory; remove one of them"))
	}
	if s.MaxEntries < minMaxEntries || s.MaxEntries > maxMaxEntries {
		problems = append(problems, fmt.Errorf("max_entries is %d; write a number from %d to %d", s.MaxEntries, minMaxEntries, maxMaxEntries))
	}
	if s.MaxMemory < minMaxMemory || s.MaxMemory > maxMaxMemory {
		problems = append(problems, fmt.Errorf("max_memory is %d bytes; write from 1MiB to 1TiB", s.MaxMemory))
	}
	return errors.Join(problems...)
}

// Identity implements Store. Symbolic links are followed, so that one directory is
// one store.
func (s *EmbeddedStore) Identity() string {
	if s.dir == "" {
		return "memory"
	}
	return resolved(s.dir)
}

// resolved follows the symbolic links of a path as far as it exists.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	} else if parent := filepath.Dir(path); parent != path && errors.Is(err, os.ErrNotExist) {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

// Interface guards
var (
	_ Store                 = (*EmbeddedStore)(nil)
	_ caddy.Provisioner     = (*EmbeddedStore)(nil)
	_ caddy.Validator       = (*EmbeddedStore)(nil)
	_ caddyfile.Unmarshaler = (*EmbeddedStore)(nil)
)
