// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
)

func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Backs up and restores the ledger",
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(ledgerBackupCommand(), ledgerRestoreCommand())
	return cmd
}

func ledgerBackupCommand() *cobra.Command {
	var (
		from  instance
		force bool
	)
	cmd := &cobra.Command{
		Use:   "backup <file> [--force] [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Copies the ledger of the running instance to a file, and checks the copy",
		Long: `
Copies the ledger of the running instance to a file, while it goes on, and checks
the copy before it gets its name. The file is open to its owner alone. A file that
exists is replaced only with --force.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return from.backUp(cmd, ledgerBackup, args[0], force)
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "Replace the file if it exists")
	return cmd
}

func ledgerRestoreCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "restore <file> [--ledger <directory>]",
		Short: "Puts a backup in the place of a ledger that no instance uses",
		Long: `
Checks a backup and puts it in the place of a ledger, in one step. No instance may
use the ledger meanwhile. What was there stays beside it as ` + ledgerdb.BeforeRestore + `,
until the next restore.

Run it as the user that Caddy runs as, and with --ledger where the config has the
option ledger.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return restoreTo(cmd, ledgerBackup, args[0], dir)
		},
	}
	ledgerFlag(cmd, &dir, "Directory of the ledger (default: gateway/ledger in Caddy's data directory)")
	return cmd
}

func ledgerFlag(cmd *cobra.Command, dir *string, usage string) {
	cmd.Flags().StringVar(dir, "ledger", "", usage)
}

// openOffline opens the ledger in a directory to read it. It makes none.
func openOffline(dir string) (*ledgerdb.DB, ledgerdb.Recovery, error) {
	dir, err := ledgerBackup.offlineDir(dir)
	if err != nil {
		return nil, ledgerdb.Recovery{}, err
	}
	if !exists(filepath.Join(dir, "usage.db")) {
		return nil, ledgerdb.Recovery{}, fmt.Errorf("there is no ledger in %s: it holds no usage.db", dir)
	}
	db, recovery, err := ledgerdb.Open(ledgerdb.Options{Dir: dir})
	return db, recovery, ledgerBackup.explainInUse(err, "ask that instance instead, without --ledger, or copy its ledger with: caddy gateway ledger backup <file>")
}
