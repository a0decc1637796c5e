// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
)

// demoSecret is what no text may show.
const demoSecret = "demo-signing-key-not-a-secret"

// keeping is a running instance with records and a ledger in directories of its own.
func keeping(t *testing.T) (address, ledger, store string) {
	t.Helper()
	ledger, store = t.TempDir(), t.TempDir()
	address = instanceOf(t, `{"ledger":{"path":`+inJSON(t, ledger)+`},"store":{"module":"embedded","path":`+inJSON(t, store)+`}}`)
	app := active(t)
	app.Record(request("alice", "gpt-4o"))
	needRecords(t, app)
	keep(t, app, "oauthkey:1", demoSecret)
	logged.take()
	return address, ledger, store
}

// needRecords opens the records of an app that has started without.
func needRecords(t *testing.T, app *App) {
	t.Helper()
	app.NeedRecords()
	if err := app.openRecords(); err != nil {
		t.Fatal(err)
	}
}

// restored is what a key stands for in the records of a directory.
func restored(t *testing.T, dir, key string) string {
	t.Helper()
	db, err := recorddb.Open(dir, recorddb.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	value, _, err := db.Get(t.Context(), key)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return string(value)
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestBackupOfAll(t *testing.T) {
	address, ledger, store := keeping(t)
	app := active(t)
	dir := filepath.Join(t.TempDir(), "monday")
	out := run(t, "backup", dir+"/", "--address", address)
	log := logged.take()
	for _, want := range []string{"The ledger was copied to " + filepath.Join(dir, "ledger") + " (", "The records were copied to " + filepath.Join(dir, "records") + " ("} {
		if !strings.Contains(out, want) {
			t.Errorf("backup prints %q, want %q", out, want)
		}
	}
	for _, want := range []string{`"action":"ledger_backup"`, `"action":"records_backup"`, store} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
	if strings.Contains(out+log, demoSecret) {
		t.Errorf("a secret is shown: %s%s", out, log)
	}
	if mode(t, dir) != 0o700 || mode(t, filepath.Join(dir, "ledger")) != 0o600 || mode(t, filepath.Join(dir, "records")) != 0o600 {
		t.Error("a backup is open to others")
	}
	if _, _, err := command(t, "", "backup", dir, "--address", address); err == nil || !strings.Contains(err.Error(), "name another directory") {
		t.Errorf("a backup is replaced: %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(files) != 1 {
		t.Errorf("backups leave %v, %v", files, err)
	}

	app.Record(request("alice", "gpt-4o"))
	keep(t, app, "oauthkey:1", "another")
	if _, _, err := command(t, "", "restore", dir, "--ledger", ledger, "--store", store); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("restore while it is used: %v", err)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	out = run(t, "restore", dir, "--ledger", ledger, "--store", store)
	for _, want := range []string{
		"The ledger in " + ledger + " is now that of ", "The records in " + store + " are now those of ",
		filepath.Join(store, recorddb.BeforeRestore),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("restore prints %q, want %q", out, want)
		}
	}
	if strings.Contains(out, demoSecret) {
		t.Errorf("a secret is shown: %s", out)
	}
	if got := stored(t, ledger); got != 1 {
		t.Errorf("after the restore there are %d requests, want 1", got)
	}
	if got := restored(t, store, "oauthkey:1"); got != demoSecret {
		t.Errorf("after the restore there is %q", got)
	}
	if mode(t, filepath.Join(store, recorddb.FileName)) != 0o600 || mode(t, filepath.Join(store, recorddb.BeforeRestore)) != 0o600 {
		t.Error("what was restored is open to others")
	}
}

// TestDamagedBackupOfAll: nothing is restored of a backup that is not whole.
func TestDamagedBackupOfAll(t *testing.T) {
	address, ledger, store := keeping(t)
	dir := filepath.Join(t.TempDir(), "monday")
	run(t, "backup", dir, "--address", address)
	active(t).Record(request("alice", "gpt-4o"))
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "records")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = command(t, "", "restore", dir, "--ledger", ledger, "--store", store)
	if !errors.Is(err, recorddb.ErrDamaged) || strings.Contains(err.Error(), demoSecret) {
		t.Errorf("restore of a damaged backup: %v", err)
	}
	if got := stored(t, ledger); got != 2 {
		t.Errorf("half of a backup was restored: there are %d requests", got)
	}
	if _, _, err := command(t, "", "restore", t.TempDir(), "--ledger", ledger); err == nil || !strings.Contains(err.Error(), "neither ledger nor records") {
		t.Errorf("restore of nothing: %v", err)
	}
	if _, _, err := command(t, "", "restore", name, "--ledger", ledger); err == nil || !strings.Contains(err.Error(), "records restore <file>") {
		t.Errorf("restore of a file: %v", err)
	}
}

// TestRestoreOfAllWhileHalfIsInUse: nothing is restored where only a part of it could be.
func TestRestoreOfAllWhileHalfIsInUse(t *testing.T) {
	address, ledger, store := keeping(t)
	dir := filepath.Join(t.TempDir(), "monday")
	run(t, "backup", dir, "--address", address)
	active(t).Record(request("alice", "gpt-4o"))
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	another, err := recorddb.Open(store, recorddb.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := command(t, "", "restore", dir, "--ledger", ledger, "--store", store)
	if !errors.Is(err, recorddb.ErrInUse) || !strings.Contains(err.Error(), "stop it first") || out != "" {
		t.Errorf("restore while the records are used: %v, prints %q", err, out)
	}
	if err := another.Close(); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, ledger); got != 2 {
		t.Errorf("half of a backup was restored: there are %d requests", got)
	}
	if exists(filepath.Join(ledger, ledgerdb.BeforeRestore)) {
		t.Error("the ledger was replaced")
	}
	run(t, "restore", dir, "--ledger", ledger, "--store", store)
	if got := stored(t, ledger); got != 1 {
		t.Errorf("after the restore there are %d requests, want 1", got)
	}
}

func TestBackupOfWhatThereIs(t *testing.T) {
	address := instanceOf(t, team)
	app := active(t)
	app.Record(request("alice", "gpt-4o"))
	dir := filepath.Join(t.TempDir(), "monday")
	out := run(t, "backup", dir, "--address", address)
	if !strings.Contains(out, "The ledger was copied") || !strings.HasSuffix(out, "The records are left out: nothing in the config keeps records.\n") {
		t.Errorf("backup prints %q", out)
	}
	ledger := app.disk.dir
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "restore", dir); !strings.Contains(out, ledger) || strings.Contains(out, "records") {
		t.Errorf("restore prints %q", out)
	}

	address = instanceOf(t, `{"ledger":{"memory":true},"store":{"module":"embedded","memory":true}}`)
	needRecords(t, active(t))
	other := filepath.Join(t.TempDir(), "tuesday")
	_, _, err := command(t, "", "backup", other, "--address", address)
	for _, want := range []string{"the ledger of this instance is in memory.", "the records of this instance are in memory."} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("backup of nothing: %v, want %q", err, want)
		}
	}
	if files, err := os.ReadDir(filepath.Dir(other)); err != nil || len(files) != 0 {
		t.Errorf("a refused backup leaves %v, %v", files, err)
	}
}

func TestBackupOfRecords(t *testing.T) {
	address, _, store := keeping(t)
	status, header, body := ask(t, http.MethodGet, address, "/gateway/records/backup")
	if status != 200 || header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), `attachment; filename="records-20`) {
		t.Errorf("answers %d with %v", status, header)
	}
	if err := recorddb.Check(file(t, "backup", body)); err != nil {
		t.Error(err)
	}
	if status, _, body := ask(t, http.MethodHead, address, "/gateway/records/backup"); status != 200 || body != "" {
		t.Errorf("HEAD answers %d with %d bytes", status, len(body))
	}
	if status, _, _ := ask(t, http.MethodPost, address, "/gateway/records/backup"); status != 405 {
		t.Errorf("POST answers %d", status)
	}
	name := filepath.Join(t.TempDir(), "records.backup")
	run(t, "records", "backup", name, "--address", address)
	if _, _, err := command(t, "", "records", "backup", name, "--address", address); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a backup is replaced: %v", err)
	}
	if _, _, err := command(t, "", "ledger", "restore", name, "--ledger", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no backup of a ledger") {
		t.Errorf("restore of records as a ledger: %v", err)
	}
	ledger := filepath.Join(t.TempDir(), "ledger.backup")
	run(t, "ledger", "backup", ledger, "--address", address)
	if _, _, err := command(t, "", "records", "restore", ledger, "--store", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no backup of records") {
		t.Errorf("restore of a ledger as records: %v", err)
	}
	if _, _, err := command(t, "", "records", "restore", name, "--store", store); !errors.Is(err, recorddb.ErrInUse) || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("restore while the records are used: %v", err)
	}
	// Without --store they go to where an instance has them by default.
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	into := filepath.Join(home, "caddy", "gateway", "limits")
	if out := run(t, "records", "restore", name); !strings.Contains(out, into) || !strings.Contains(out, "There was none before") {
		t.Errorf("restore prints %q", out)
	}
	if got := restored(t, into, "oauthkey:1"); got != demoSecret {
		t.Errorf("after the restore there is %q", got)
	}
	// What breaks off is no backup.
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(body[:len(body)-1]))
	}))
	t.Cleanup(cut.Close)
	half := filepath.Join(t.TempDir(), "half")
	for _, args := range [][]string{{"records", "backup", half}, {"backup", half}} {
		if _, _, err := command(t, "", append(args, "--address", strings.TrimPrefix(cut.URL, "http://"))...); err == nil || !strings.Contains(err.Error(), "not whole") {
			t.Errorf("%s of half a backup: %v", args, err)
		}
	}
	if files, err := os.ReadDir(filepath.Dir(half)); err != nil || len(files) != 0 {
		t.Errorf("refused backups leave %v, %v", files, err)
	}
}

// TestBackupOfRecordsElsewhere: an instance says who has them.
func TestBackupOfRecordsElsewhere(t *testing.T) {
	var records OpenRecords = &embeddedRecords{} // which make no backup of their own
	for want, store := range map[string]*openStore{
		"are in memory; there is nothing to back up":       {OpenStore: &openEmbedded{}, name: "embedded"},
		"are in the store redis, which has backups of its": {OpenStore: &demoOpen{}, name: "redis"},
	} {
		app := &App{counters: new(counters)}
		app.records.open.Store(&records)
		app.counters.open.Store(store)
		err := serveRecordsBackup(app, httptest.NewRecorder(), nil)
		if api, ok := errors.AsType[caddy.APIError](err); !ok || api.HTTPStatus != 409 || !strings.Contains(api.Err.Error(), want) {
			t.Errorf("answers %v, want %q", err, want)
		}
	}
}
