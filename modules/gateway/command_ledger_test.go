// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
)

func TestBackupAndRestore(t *testing.T) {
	address := instanceOf(t, team)
	app := active(t)
	dir := app.disk.dir
	app.Record(request("alice", "gpt-4o"))
	app.Record(request("bob", "gpt-4o"))
	logged.take()

	backup := filepath.Join(t.TempDir(), "ledger.backup")
	out := run(t, "ledger", "backup", backup, "--address", address)
	if !strings.Contains(out, backup) || !strings.Contains(out, "the copy is whole") {
		t.Errorf("backup prints %q", out)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}
	text := logged.take()
	for _, want := range []string{`"logger":"gateway.audit"`, `"action":"ledger_backup"`, dir} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q: %s", want, text)
		}
	}
	app.Record(request("alice", "gpt-4o"))
	if _, _, err := command(t, "", "ledger", "backup", backup, "--address", address); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a backup is replaced: %v", err)
	}
	later := filepath.Join(t.TempDir(), "later.backup")
	for range 2 {
		run(t, "ledger", "backup", later, "--force", "--address", address)
	}
	if files, err := os.ReadDir(filepath.Dir(later)); err != nil || len(files) != 1 {
		t.Errorf("a backup leaves %v, %v", files, err)
	}

	if _, _, err := command(t, "", "ledger", "restore", backup, "--ledger", dir); !errors.Is(err, ledgerdb.ErrInUse) || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("restore while the ledger is used: %v", err)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "usage", "--ledger", dir, "--by", "consumer", "--format", "csv"); !strings.Contains(out, "\nalice,2,0,") {
		t.Errorf("offline usage is\n%s", out)
	}
	// The ledger is where the instance had it by default.
	if out := run(t, "ledger", "restore", backup); !strings.Contains(out, dir) || !strings.Contains(out, ledgerdb.BeforeRestore) {
		t.Errorf("restore prints %q", out)
	}
	if got := stored(t, dir); got != 2 {
		t.Errorf("after the restore there are %d requests, want 2", got)
	}
	fresh := filepath.Join(t.TempDir(), "made")
	if out := run(t, "ledger", "restore", later, "--ledger", fresh); !strings.Contains(out, "There was none before") {
		t.Errorf("restore to where nothing was prints %q", out)
	}
	if got := stored(t, fresh); got != 3 {
		t.Errorf("after the restore there are %d requests, want 3", got)
	}
}

func TestRefusedBackups(t *testing.T) {
	address := instanceOf(t, `{"ledger":{"memory":true}}`)
	if status, header, body := ask(t, http.MethodGet, address, "/gateway/ledger/backup"); status != 409 || !strings.Contains(body, "nothing to back up") ||
		header.Get("Content-Disposition") != "" {
		t.Errorf("a ledger in memory answers %d %s", status, body)
	}
	name := filepath.Join(t.TempDir(), "ledger.backup")
	if _, _, err := command(t, "", "ledger", "backup", name, "--address", address); err == nil || !strings.Contains(err.Error(), "nothing to back up") {
		t.Errorf("backup of a ledger in memory: %v", err)
	}
	// What breaks off is no backup.
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 100_000))
	}))
	t.Cleanup(cut.Close)
	if _, _, err := command(t, "", "ledger", "backup", name, "--address", strings.TrimPrefix(cut.URL, "http://")); err == nil || !strings.Contains(err.Error(), "not whole") {
		t.Errorf("half a backup: %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(name)); err != nil || len(files) != 0 {
		t.Errorf("refused backups leave %v, %v", files, err)
	}
	if _, _, err := command(t, "", "ledger", "restore", file(t, "x.backup", "no backup"), "--ledger", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no backup of a ledger") {
		t.Errorf("restore of something else: %v", err)
	}
	for want, args := range map[string][]string{
		"accepts 1 arg(s)":   {"ledger", "backup"},
		"accepts 1 arg(s), ": {"ledger", "restore", "a", "b"},
		"unknown command":    {"ledger", "delete"},
	} {
		if _, _, err := command(t, "", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", args, err, want)
		}
	}
}

func TestAdminBackup(t *testing.T) {
	address := instanceOf(t, team)
	active(t).Record(request("alice", "gpt-4o"))
	status, header, body := ask(t, http.MethodGet, address, "/gateway/ledger/backup")
	if status != 200 || header.Get("Content-Type") != "application/octet-stream" || header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), `attachment; filename="ledger-20`) {
		t.Errorf("answers %d with %v", status, header)
	}
	if err := ledgerdb.Check(file(t, "backup", body)); err != nil {
		t.Error(err)
	}
	if status, _, body := ask(t, http.MethodHead, address, "/gateway/ledger/backup"); status != 200 || body != "" {
		t.Errorf("HEAD answers %d with %d bytes", status, len(body))
	}
	if status, _, body := ask(t, http.MethodPost, address, "/gateway/ledger/backup"); status != 405 || !strings.Contains(body, "only answers GET") {
		t.Errorf("POST answers %d %s", status, body)
	}
	if status, _, body := ask(t, http.MethodGet, address, "/gateway/ledger/backup?x=1"); status != 400 || !strings.Contains(body, "takes no parameters") {
		t.Errorf("a parameter answers %d %s", status, body)
	}
}

// failing is a client that goes away.
type failing struct {
	http.ResponseWriter
	after int
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errors.New("demo client gone")
	}
	return f.ResponseWriter.Write(p)
}

func TestBrokenBackup(t *testing.T) {
	app := started(t, t.TempDir(), "")
	defer cleanup(t, app)
	logged.take()
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("a backup that breaks off ends with %v", err)
			}
		}()
		_ = serveLedgerBackup(app, &failing{httptest.NewRecorder(), 5000}, nil)
	}()
	err := serveLedgerBackup(app, &failing{httptest.NewRecorder(), 0}, nil)
	if api, ok := errors.AsType[caddy.APIError](err); !ok || api.HTTPStatus != 500 {
		t.Errorf("a backup that does not begin: %v", err)
	}
	if text := logged.take(); strings.Count(text, "a backup of the ledger failed") != 2 || !strings.Contains(text, "demo client gone") {
		t.Errorf("logged is %s", text)
	}
}

func TestOfflineUsageTellsOfDamage(t *testing.T) {
	dir := t.TempDir()
	app := started(t, dir, "")
	for range 10 {
		app.Record(request("alice", "gpt-4o"))
	}
	live := filepath.Join(t.TempDir(), "copy") // as after a kill
	if err := os.CopyFS(live, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	cleanup(t, app)
	segments, err := filepath.Glob(filepath.Join(live, "journal", "*.journal"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("journal: %v, %v", segments, err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("gpt-4o"))
	if at < 0 {
		t.Fatal("the journal has no record")
	}
	data[at] ^= 1
	if err := os.WriteFile(segments[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, notes, err := command(t, "", "usage", "--ledger", live, "--format", "json")
	if err != nil || !strings.Contains(notes, "1 record lost") {
		t.Errorf("notes are %q, %v", notes, err)
	}
	var list usageList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if list.Total.Requests != 9 || list.Ledger != live {
		t.Errorf("usage is %+v", list)
	}
}
