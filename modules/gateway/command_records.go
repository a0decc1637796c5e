// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/spf13/cobra"

	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
)

func recordsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "records",
		Short: "Backs up and restores the small records: signing keys, revoked tokens, tickets",
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(recordsBackupCommand(), recordsRestoreCommand())
	return cmd
}

func recordsBackupCommand() *cobra.Command {
	var (
		from  instance
		force bool
	)
	cmd := &cobra.Command{
		Use:   "backup <file> [--force] [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Copies the records of the running instance to a file, and checks the copy",
		Long: `
Copies the records of the running instance to a file, while it goes on, and checks
the copy before it gets its name. A file that exists is replaced only with --force.

The file is open to its owner alone, and has to stay so: the keys are in it with which
the authorization server signs tokens, in the clear unless that has a passphrase.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return from.backUp(cmd, recordsBackup, args[0], force)
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "Replace the file if it exists")
	return cmd
}

func recordsRestoreCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "restore <file> [--store <directory>]",
		Short: "Puts a backup in the place of records that no instance uses",
		Long: `
Checks a backup and puts it in the place of the records in the directory of an
embedded store, in one step. No instance may use them meanwhile. What was there stays
beside it as ` + recorddb.BeforeRestore + `, until the next restore.

What was revoked since the backup was made is good again until it expires.

Run it as the user that Caddy runs as, and with --store where the config has the
option store.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return restoreTo(cmd, recordsBackup, args[0], dir)
		},
	}
	storeFlag(cmd, &dir)
	return cmd
}

func storeFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "store", "", "Directory of the embedded store (default: gateway/limits in Caddy's data directory)")
}
