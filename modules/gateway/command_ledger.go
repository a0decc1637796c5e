// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	cmd.AddCommand(backupCommand(), restoreCommand())
	return cmd
}

func backupCommand() *cobra.Command {
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
			size, err := from.backUp(args[0], force)
			if err != nil {
				return fmt.Errorf("back up ledger: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The ledger was copied to %s (%d bytes), and the copy is whole.\n", args[0], size)
			return err
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "Replace the file if it exists")
	return cmd
}

// backUp writes a backup beside its final name, checks it, and gives it that name.
func (i *instance) backUp(name string, force bool) (size int64, err error) {
	if _, err := os.Lstat(name); err == nil && !force {
		return 0, fmt.Errorf("%s exists; name another file, or replace it with --force", name)
	}
	body, err := i.get("/gateway/ledger/backup")
	if err != nil {
		return 0, err
	}
	defer body.Close()
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // open to the owner alone
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where it got its name by renaming
	size, err = io.Copy(f, body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if err := ledgerdb.Check(f.Name()); err != nil {
		return 0, fmt.Errorf("what was received is not whole: %w", err)
	}
	return size, publish(f.Name(), name, force)
}

// publish gives a file its name.
func publish(temporary, name string, force bool) error {
	if force {
		return os.Rename(temporary, name)
	}
	switch err := os.Link(temporary, name); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists; name another file, or replace it with --force", name)
	case err != nil: // a file system without links
		return os.Rename(temporary, name)
	}
	return nil
}

func restoreCommand() *cobra.Command {
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
			into, err := offlineDir(dir)
			if err != nil {
				return err
			}
			if err := ledgerdb.Restore(args[0], into); err != nil {
				return explainInUse(err, "stop it first")
			}
			kept := "There was none before."
			if before := filepath.Join(into, ledgerdb.BeforeRestore); exists(before) {
				kept = "What was there is kept as " + before + " until the next restore."
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The ledger in %s is now that of %s. %s\n", into, args[0], kept)
			return err
		},
	}
	ledgerFlag(cmd, &dir, "Directory of the ledger (default: gateway/ledger in Caddy's data directory)")
	return cmd
}

func ledgerFlag(cmd *cobra.Command, dir *string, usage string) {
	cmd.Flags().StringVar(dir, "ledger", "", usage)
}

// offlineDir returns the directory of a ledger that a command is to use without an
// instance. It refuses one of another user: what a command writes there would be
// closed to Caddy.
func offlineDir(dir string) (string, error) {
	if dir == "" {
		var err error
		if dir, err = defaultLedgerDir(); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find ledger: %w", err)
	}
	return dir, checkOwner(dir)
}

// explainInUse adds to an error what to do about another process.
func explainInUse(err error, what string) error {
	if errors.Is(err, ledgerdb.ErrInUse) {
		return fmt.Errorf("%w; %s", err, what)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// openOffline opens the ledger in a directory to read it. It makes none.
func openOffline(dir string) (*ledgerdb.DB, ledgerdb.Recovery, error) {
	dir, err := offlineDir(dir)
	if err != nil {
		return nil, ledgerdb.Recovery{}, err
	}
	if !exists(filepath.Join(dir, "usage.db")) {
		return nil, ledgerdb.Recovery{}, fmt.Errorf("there is no ledger in %s: it holds no usage.db", dir)
	}
	db, recovery, err := ledgerdb.Open(ledgerdb.Options{Dir: dir})
	return db, recovery, explainInUse(err, "ask that instance instead, without --ledger, or copy its ledger with: caddy gateway ledger backup <file>")
}
