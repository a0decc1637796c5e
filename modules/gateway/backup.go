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

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
)

// backupKind is what a backup is of.
type backupKind struct {
	// name is "ledger" or "records": it names the kind in texts, and a backup of it in a
	// directory with all of them.
	name string
	// are is the verb behind the name, and flag the one that names its directory.
	are, flag string
	// uri is where an instance gives a backup.
	uri string
	// dir is its directory by default, below gateway in Caddy's data directory.
	dir     string
	check   func(file string) error
	restore func(file, dir string) error
	inUse   error
	before  string // the file in its directory with what a restore has replaced
}

var (
	ledgerBackup = &backupKind{
		name: "ledger", are: "is", flag: "ledger", uri: "/gateway/ledger/backup", dir: "ledger",
		check: ledgerdb.Check, restore: ledgerdb.Restore, inUse: ledgerdb.ErrInUse, before: ledgerdb.BeforeRestore,
	}
	recordsBackup = &backupKind{
		name: "records", are: "are", flag: "store", uri: "/gateway/records/backup", dir: "limits",
		check: recorddb.Check, restore: recorddb.Restore, inUse: recorddb.ErrInUse, before: recorddb.BeforeRestore,
	}
	backupKinds = []*backupKind{ledgerBackup, recordsBackup}
)

// backUp has the instance copy something to a file, and says so.
func (i *instance) backUp(cmd *cobra.Command, k *backupKind, name string, force bool) error {
	size, err := i.fetchBackup(k, name, force)
	if err != nil {
		return fmt.Errorf("back up %s: %w", k.name, err)
	}
	return k.copied(cmd.OutOrStdout(), name, size)
}

func (k *backupKind) copied(w io.Writer, name string, size int64) error {
	were := "was"
	if k.are == "are" {
		were = "were"
	}
	_, err := fmt.Fprintf(w, "The %s %s copied to %s (%d bytes), and the copy is whole.\n", k.name, were, name, size)
	return err
}

// fetchBackup writes a backup beside its final name, checks it, and gives it that name.
func (i *instance) fetchBackup(k *backupKind, name string, force bool) (size int64, err error) {
	if _, err := os.Lstat(name); err == nil && !force {
		return 0, fmt.Errorf("%s exists; name another file, or replace it with --force", name)
	}
	body, err := i.get(k.uri)
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
	if err := k.check(f.Name()); err != nil {
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

// restoreTo puts a backup in the place of what is in a directory, and says so.
func restoreTo(cmd *cobra.Command, k *backupKind, file, dir string) error {
	into, err := k.offlineDir(dir)
	if err != nil {
		return err
	}
	if err := k.restore(file, into); err != nil {
		return k.explainInUse(err, "stop it first")
	}
	kept := "There was none before."
	if before := filepath.Join(into, k.before); exists(before) {
		kept = "What was there is kept as " + before + " until the next restore."
	}
	of := "that"
	if k.are == "are" {
		of = "those"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "The %s in %s %s now %s of %s. %s\n", k.name, into, k.are, of, file, kept)
	return err
}

// offlineDir returns a directory that a command is to use without an instance. It
// refuses one of another user: what a command writes there would be closed to Caddy.
func (k *backupKind) offlineDir(dir string) (string, error) {
	if dir == "" {
		dir = filepath.Join(caddy.AppDataDir(), "gateway", k.dir)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", k.name, err)
	}
	return dir, checkOwner(dir)
}

// explainInUse adds to an error what to do about another process.
func (k *backupKind) explainInUse(err error, what string) error {
	if errors.Is(err, k.inUse) {
		return fmt.Errorf("%w; %s", err, what)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
