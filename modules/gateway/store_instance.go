// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"
)

// instanceFile holds what identifies this gateway among those that share a store. It
// is in the directory of the ledger, which one process uses at a time.
const instanceFile = "instance"

func newInstance() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// instanceID returns what identifies the gateway of the config. It is made when it is
// asked for first. Where it cannot be kept the gateway has another one after the next
// start.
func (a *App) instanceID() (string, error) {
	if a.ledgerDir == "" {
		return a.shared.instance, nil
	}
	if err := os.MkdirAll(a.ledgerDir, 0o700); err != nil {
		return "", fmt.Errorf("make directory of the ledger: %w", err)
	}
	name := filepath.Join(a.ledgerDir, instanceFile)
	text, err := os.ReadFile(name)
	if err == nil {
		id := strings.TrimSpace(string(text))
		if raw, err := hex.DecodeString(id); err == nil && len(raw) == 16 {
			return id, nil
		}
		a.storeLog().Warn("what identifies this gateway cannot be read; it has a new identity", zap.String("path", name))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read what identifies this gateway: %w", err)
	}
	id := newInstance()
	if err := writeInstance(name, id); err != nil {
		a.storeLog().Warn("what identifies this gateway cannot be kept; it will have another identity after the next start",
			zap.String("path", name), zap.Error(err))
		return a.shared.instance, nil
	}
	return id, nil
}

// writeInstance writes the file so that it is there whole or not at all.
func writeInstance(name, id string) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+instanceFile+".*") // open to the owner alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where it got its name
	_, err = f.WriteString(id + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
