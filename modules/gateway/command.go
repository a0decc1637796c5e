// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "gateway",
		Usage: "<command>",
		Short: "Makes gateway keys, shows consumers, usage, limits, caches and prices, backs up, identifies languages",
		Long: `
Makes and rotates gateway keys, and asks the running instance who may call,
what was used, what it cost, what is left of limits and what is in caches.

"language" and the commands under "key" need no running instance and change
nothing. The others ask the admin API and change nothing in the instance, except
for "limits reset" and "cache purge". "restore", its like under "ledger" and
"records", and "usage --ledger" work on directories that no instance uses.`,
		CobraFunc: addCommands,
	})
}

// addCommands hangs the subcommands under "caddy gateway".
func addCommands(cmd *cobra.Command) {
	key := &cobra.Command{
		Use:   "key",
		Short: "Makes, hashes and rotates gateway keys",
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	key.AddCommand(keyNewCommand(), keyHashCommand(), keyRotateCommand())
	cmd.AddCommand(key, usageCommand(), limitsCommand(), cacheCommand(), consumersCommand(), pricesCommand(), healthCommand(), ledgerCommand(), recordsCommand(), backupCommand(), restoreCommand(), languageCommand())
	cmd.Args, cmd.RunE = cobra.NoArgs, showHelp
}

// showHelp makes a command that only has subcommands runnable, because cobra
// checks the arguments of no other: a subcommand that does not exist would
// print the help and succeed.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
