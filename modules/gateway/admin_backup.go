// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
)

// backupStall is how long a reader of a backup may take none of it. Meanwhile the
// database of the ledger cannot use space again that has become free.
const backupStall = 30 * time.Second

var errExiting = errors.New("the process ends")

// nothingToBackUp ends the errors of an instance that lacks what was asked for.
const nothingToBackUp = "there is nothing to back up"

// serveLedgerBackup answers with a copy of the ledger. It changes nothing, but hands
// out everything that is known about spending, so it is in the audit log.
func serveLedgerBackup(a *App, w http.ResponseWriter, _ url.Values) error {
	if a.disk == nil {
		return adminError(http.StatusConflict, "the ledger of this instance is in memory; "+nothingToBackUp)
	}
	return a.sendBackup(w, "ledger", a.disk.dir, a.disk.Backup)
}

// serveRecordsBackup answers with a copy of the records. Whoever has it can do what
// they are there for: sign tokens, unless the authorization server has a passphrase.
func serveRecordsBackup(a *App, w http.ResponseWriter, _ url.Values) error {
	open := a.records.open.Load()
	if open == nil {
		return adminError(http.StatusConflict, "nothing in the config keeps records; "+nothingToBackUp)
	}
	store := a.counters.open.Load().OpenStore
	if backup, ok := (*open).(RecordBackup); ok {
		path := ""
		if facts, ok := store.(StoreFacts); ok {
			path, _ = facts.Facts()["path"].(string)
		}
		return a.sendBackup(w, "records", path, backup.Backup)
	}
	if _, ok := store.(*openEmbedded); ok {
		return adminError(http.StatusConflict, "the records of this instance are in memory; "+nothingToBackUp)
	}
	return adminError(http.StatusConflict, "the records are in the store %s, which has backups of its own; "+nothingToBackUp,
		a.counters.open.Load().name)
}

// sendBackup answers with a backup, which ends in a checksum: one that broke off is
// found by its check.
func (a *App) sendBackup(w http.ResponseWriter, what, path string, write func(io.Writer) error) error {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+what+"-"+time.Now().UTC().Format("20060102T150405Z")+`.backup"`)
	if _, head := w.(headOnly); head {
		return nil
	}
	out := &patientWriter{to: w, controller: http.NewResponseController(w)}
	err := write(out)
	log := a.auditLog().With(zap.String("action", what+"_backup"), zap.String("path", path), zap.Int64("bytes", out.written))
	if err == nil {
		log.Info("a backup of the " + what + " was made")
		return nil
	}
	log.Error("a backup of the "+what+" failed", zap.Error(err))
	if out.written == 0 {
		h.Del("Content-Disposition")
		h.Set("Content-Type", "application/json")
		return adminError(http.StatusInternalServerError, "%w", err)
	}
	panic(http.ErrAbortHandler) // the answer has begun: break it off, so that it does not look whole
}

// patientWriter gives each piece of an answer time to be taken, and gives up when
// the process ends.
type patientWriter struct {
	to         io.Writer
	controller *http.ResponseController
	written    int64
}

// Write implements io.Writer.
func (p *patientWriter) Write(b []byte) (int, error) {
	if caddy.Exiting() {
		return 0, errExiting
	}
	_ = p.controller.SetWriteDeadline(time.Now().Add(backupStall)) // where there is none, no reader can be slow
	n, err := p.to.Write(b)
	p.written += int64(n)
	if err != nil {
		err = fmt.Errorf("send backup: %w", err)
	}
	return n, err
}

// headOnly marks the answer to a HEAD request, for those to whom the body is dear.
type headOnly struct{ http.ResponseWriter }

// Unwrap gives http.ResponseController what is behind.
func (h headOnly) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// Interface guards
var _ io.Writer = (*patientWriter)(nil)
