// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
)

func backupCommand() *cobra.Command {
	var from instance
	cmd := &cobra.Command{
		Use:   "backup <directory> [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Copies the ledger and the records of the running instance to a new directory, and checks the copies",
		Long: `
Copies everything that a running instance keeps and that cannot be had again to a
directory, while it goes on: the ledger, and the small records, each to a file of that
name. What the instance does not keep on its disk is left out, and said. The directory
gets its name when all copies have been checked. It must not exist.

It is open to its owner alone, and has to stay so: the keys are in it with which the
authorization server signs tokens, in the clear unless that has a passphrase.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := from.backUpAll(cmd.OutOrStdout(), args[0]); err != nil {
				return fmt.Errorf("back up: %w", err)
			}
			return nil
		},
	}
	from.flags(cmd)
	return cmd
}

// backUpAll makes a directory with a backup of each kind that the instance has.
func (i *instance) backUpAll(out io.Writer, dir string) error {
	dir = filepath.Clean(dir)
	if exists(dir) {
		return fmt.Errorf("%s exists; name another directory", dir)
	}
	making, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*") // open to the owner alone
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(making) }() // gone already where it got its name
	sizes := make(map[*backupKind]int64)
	var none []string
	for _, k := range backupKinds {
		size, err := i.fetchBackup(k, filepath.Join(making, k.name), false)
		switch {
		case err != nil && strings.Contains(err.Error(), nothingToBackUp):
			none = append(none, fmt.Sprintf("The %s %s left out: %s.\n", k.name, k.are, reason(err)))
		case err != nil:
			return err
		default:
			sizes[k] = size
		}
	}
	if len(sizes) == 0 {
		return errors.New(strings.ReplaceAll(strings.TrimSpace(strings.Join(none, "")), "\n", " "))
	}
	if err := os.Rename(making, dir); err != nil {
		return err
	}
	for _, k := range backupKinds {
		if size, ok := sizes[k]; ok {
			if err := k.copied(out, filepath.Join(dir, k.name), size); err != nil {
				return err
			}
		}
	}
	_, err = io.WriteString(out, strings.Join(none, ""))
	return err
}

// reason is what an instance has said about nothing to back up, without what surrounds it.
func reason(err error) string {
	text, _, _ := strings.Cut(err.Error(), nothingToBackUp)
	text = text[strings.LastIndexByte(text, '"')+1:]
	return strings.TrimRight(text, "; ")
}

func restoreCommand() *cobra.Command {
	var ledger, store string
	cmd := &cobra.Command{
		Use:   "restore <directory> [--ledger <directory>] [--store <directory>]",
		Short: "Puts a backup in the place of the ledger and the records that no instance uses",
		Long: `
Checks what "backup" has copied to a directory, and puts it in the place of the ledger
and of the records, as "ledger restore" and "records restore" do for each of them. What
is not in the directory stays as it is. No instance may use them meanwhile: while one
uses either of them, nothing is replaced.

Run it as the user that Caddy runs as, with --ledger where the config has the option
ledger, and with --store where it has the option store.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return restoreAll(cmd, args[0], map[*backupKind]string{ledgerBackup: ledger, recordsBackup: store})
		},
	}
	ledgerFlag(cmd, &ledger, "Directory of the ledger (default: gateway/ledger in Caddy's data directory)")
	storeFlag(cmd, &store)
	return cmd
}

// probes tell of a process that uses what is in a directory.
var probes = map[*backupKind]func(dir string) error{ledgerBackup: ledgerdb.InUse, recordsBackup: recorddb.InUse}

// restoreAll restores what is in a directory. It begins when all of it has been checked
// and nobody uses anything of what it is to replace: half a restore would have sums and
// records of two moments.
func restoreAll(cmd *cobra.Command, from string, into map[*backupKind]string) error {
	if info, err := os.Stat(from); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; restore one with: caddy gateway ledger restore <file>, or caddy gateway records restore <file>", from)
	}
	var found []*backupKind
	for _, k := range backupKinds {
		file := filepath.Join(from, k.name)
		if !exists(file) {
			continue
		}
		if err := k.check(file); err != nil {
			return err
		}
		dir, err := k.offlineDir(into[k])
		if err != nil {
			return err
		}
		if err := probes[k](dir); err != nil {
			return k.explainInUse(err, "stop it first")
		}
		found = append(found, k)
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no backup in %s: it holds neither ledger nor records", from)
	}
	for _, k := range found {
		if err := restoreTo(cmd, k, filepath.Join(from, k.name), into[k]); err != nil {
			return err
		}
	}
	return nil
}
