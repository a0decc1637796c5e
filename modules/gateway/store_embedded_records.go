// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"

	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// embeddedRecords are the records of an EmbeddedStore.
type embeddedRecords struct {
	records.Store
	of interface {
		Stats() recorddb.Stats
		Err() error
		Close() error
	}
}

// SharedRecords implements RecordSharer. The file is beside that of the counters.
func (o *openEmbedded) SharedRecords() (OpenRecords, error) {
	if o.store.dir == "" {
		m := recorddb.NewMemory(recorddb.Options{})
		o.records = &embeddedRecords{m, m}
		return o.records, nil
	}
	db, err := recorddb.Open(o.store.dir, recorddb.Options{}, o.recordsChanged)
	if errors.Is(err, recorddb.ErrDamaged) {
		return nil, fmt.Errorf("%w; restore %s with: caddy gateway records restore <file> --store %s, or remove it: tickets, revoked tokens and signing keys are lost then",
			err, recorddb.FileName, o.store.dir)
	}
	if err != nil {
		return nil, err
	}
	o.records = &embeddedRecords{db, db}
	o.log().Debug("records opened", zap.String("path", o.store.dir), zap.Int64("records", db.Stats().Records))
	return &recordsOnDisk{o.records, db}, nil
}

// recordsOnDisk are those of which there are backups.
type recordsOnDisk struct {
	*embeddedRecords
	db *recorddb.DB
}

// Backup implements RecordBackup.
func (r *recordsOnDisk) Backup(w io.Writer) error { return r.db.Backup(w) }

// recordsChanged is told when records cannot be written (err is why) and when they can
// again.
func (o *openEmbedded) recordsChanged(err error) {
	if err != nil {
		o.log().Error("records cannot be written; requests that need to are refused", zap.Error(err))
	} else {
		o.log().Info("records are written again")
	}
}

// Stats implements OpenRecords.
func (r *embeddedRecords) Stats() RecordStats {
	s := r.of.Stats()
	return RecordStats{Records: s.Records, Bytes: s.Bytes}
}

// Err implements OpenRecords.
func (r *embeddedRecords) Err() error { return r.of.Err() }

// close ends the use of the records, if there are any.
func (r *embeddedRecords) close() error {
	if r == nil {
		return nil
	}
	return r.of.Close()
}

// Interface guards
var (
	_ RecordSharer = (*openEmbedded)(nil)
	_ OpenRecords  = (*embeddedRecords)(nil)
	_ RecordBackup = (*recordsOnDisk)(nil)
)
