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
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// started is an app that has started, with its ledger in a directory. The caller
// cleans up.
func started(t *testing.T, dir, more string) *App {
	t.Helper()
	app, err := tryProvision(t, `{"ledger":{"path":`+inJSON(t, dir)+more+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

func cleanup(t *testing.T, app *App) {
	t.Helper()
	if err := app.Cleanup(); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

// requests is how many requests a ledger has.
func requests(t *testing.T, l ledger.Ledger) int64 {
	t.Helper()
	rows, err := l.Rows(ledger.Query{})
	if err != nil {
		t.Fatal(err)
	}
	total := ledger.Sum(rows)
	return total.Requests
}

// stored is how many requests a ledger has that nobody uses.
func stored(t *testing.T, dir string) int64 {
	t.Helper()
	db, _, err := ledgerdb.Open(ledgerdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // It was only read.
	return requests(t, db)
}

// inUse reports whether somebody has a ledger open.
func inUse(t *testing.T, dir string) bool {
	t.Helper()
	db, _, err := ledgerdb.Open(ledgerdb.Options{Dir: dir})
	if err == nil {
		err = db.Close()
	}
	if err != nil && !errors.Is(err, ledgerdb.ErrInUse) {
		t.Fatal(err)
	}
	return err != nil
}

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not happened", what)
		}
	}
}

// open begins a request that an app serves, and returns what ends it.
func open(t *testing.T, app *App) (end func()) {
	t.Helper()
	inside, leave, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		w := httptest.NewRecorder()
		r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/", nil), caddy.NewReplacer(), w, nil)
		_ = state.Serve(settling{request("alice", "gpt-4o"), inside, leave}, app, w, r, nil)
	}()
	<-inside
	return func() { close(leave); <-over }
}

// settling is a handler whose request has a caller and stays open.
type settling struct {
	like          *state.Request
	inside, leave chan struct{}
}

func (s settling) Handle(w http.ResponseWriter, _ *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
	rq.Credential, rq.Route = s.like.Credential, s.like.Route
	w.WriteHeader(http.StatusOK) // from here on it can be settled from outside
	close(s.inside)
	<-s.leave
	return nil
}

func TestLedgerOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "start")
	for n := range int64(3) {
		app := started(t, dir, "")
		if got := requests(t, app.Ledger()); got != n {
			t.Errorf("at the start the ledger has %d requests, want %d", got, n)
		}
		app.Record(request("alice", "gpt-4o"))
		cleanup(t, app)
		if inUse(t, dir) {
			t.Error("the ledger is not closed at the end of a config that serves nothing")
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v", info, err)
	}
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	db, _, err := ledgerdb.Open(ledgerdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	app, err := tryProvision(t, `{"ledger":{"path":`+inJSON(t, dir)+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	err = app.Start()
	for _, want := range []string{dir, "another process uses it", "stop that process", "ledger <path>"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("start: %v, want %q", err, want)
		}
	}
	if _, in := disks.References(dir); in {
		t.Error("a ledger that was not opened is among those of the process")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Errorf("start when the other process has ended: %v", err)
	}
	cleanup(t, app)
}

func TestUnusableDirectory(t *testing.T) {
	app := provision(t, `{"ledger":{"path":`+inJSON(t, file(t, "in-the-way", "")+"/ledger")+`}}`)
	if err := app.Start(); err == nil || !strings.Contains(err.Error(), "in-the-way") {
		t.Errorf("start: %v", err)
	}
}

// What is served before the app has started is in the ledger.
func TestEarlyRequests(t *testing.T) {
	dir := t.TempDir()
	app, err := tryProvision(t, `{"ledger":{"path":`+inJSON(t, dir)+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	for range maxEarly {
		app.Record(request("alice", "gpt-4o"))
	}
	app.Record(request("alice", "gpt-4o"))
	if got := requests(t, app.Ledger()); got != maxEarly+1 {
		t.Errorf("%d requests are counted in memory", got)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if text := logged.take(); !strings.Contains(text, `"requests":1}`) || !strings.Contains(text, "more requests were served") {
		t.Errorf("what could not wait is not logged: %s", text)
	}
	if got := requests(t, app.Ledger()); got != maxEarly {
		t.Errorf("%d requests are in the ledger", got)
	}
	app.Record(request("alice", "gpt-4o"))
	cleanup(t, app)
	if got := stored(t, dir); got != maxEarly+1 {
		t.Errorf("%d requests are stored", got)
	}
}

// A config that is refused because of another app may have served requests before.
func TestRefusedConfigLosesNothing(t *testing.T) {
	dir := t.TempDir()
	app := started(t, dir, "")
	refused, err := tryProvision(t, `{"ledger":{"path":`+inJSON(t, dir)+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	refused.Record(request("alice", "gpt-4o"))
	end := open(t, refused)
	cleanup(t, refused)
	end()
	eventually(t, "giving back the ledger", func() bool { return app.disk.usedBy() == 1 })
	if got := requests(t, app.Ledger()); got != 2 {
		t.Errorf("the ledger has %d requests, want those of the refused config", got)
	}
	cleanup(t, app)

	lonely, err := tryProvision(t, `{"ledger":{"path":`+inJSON(t, dir)+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	lonely.Record(request("alice", "gpt-4o"))
	cleanup(t, lonely)
	if text := logged.take(); !strings.Contains(text, "they are in no ledger") {
		t.Errorf("requests without a ledger are not logged: %s", text)
	}
}

func TestReloadSharesTheLedger(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	old := started(t, dir, "")
	end := open(t, old)
	app := started(t, link, "")
	if app.disk != old.disk {
		t.Fatal("the configs have different ledgers in one directory")
	}
	cleanup(t, old)
	if n := app.disk.usedBy(); n != 2 {
		t.Errorf("%d configs use the ledger while a request of the old one runs, want 2", n)
	}
	end()
	eventually(t, "giving back the ledger", func() bool { return app.disk.usedBy() == 1 })
	if got := requests(t, app.Ledger()); got != 1 {
		t.Errorf("the ledger has %d requests, want that of the old config", got)
	}
	cleanup(t, app)
}

func TestReloadChangesTheLedger(t *testing.T) {
	before := linger
	linger = time.Millisecond
	t.Cleanup(func() { linger = before })
	one, two := t.TempDir(), t.TempDir()
	old := started(t, one, "")
	end := open(t, old)
	app := started(t, two, "")
	cleanup(t, old)
	app.Record(request("alice", "gpt-4o"))
	if !inUse(t, one) || !inUse(t, two) {
		t.Error("a ledger is not open, although a request is to settle into it")
	}
	end()
	eventually(t, "closing the old ledger", func() bool { return !inUse(t, one) })
	again := started(t, one, "")
	if got := requests(t, again.Ledger()); got != 1 {
		t.Errorf("the old ledger has %d requests, want 1", got)
	}
	cleanup(t, app)
	cleanup(t, again)
	if got := stored(t, two); got != 1 {
		t.Errorf("the new ledger has %d requests, want 1", got)
	}
	logged.take()
}

// A ledger that is being closed can be opened again at once.
func TestReopenWhileClosing(t *testing.T) {
	dir := t.TempDir()
	for range 20 {
		old := started(t, dir, "")
		old.Record(request("alice", "gpt-4o"))
		done := make(chan struct{})
		go func() { defer close(done); old.giveBack() }()
		app := started(t, dir, "")
		<-done
		cleanup(t, app)
		cleanup(t, old)
	}
	if got := stored(t, dir); got != 20 {
		t.Errorf("%d requests are stored, want 20", got)
	}
}

func TestEndOfProcess(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	old, app := started(t, one, ""), started(t, two, "")
	endOld, endNew := open(t, old), open(t, app)
	cleanup(t, old)
	undrained.end(time.Millisecond)
	text := logged.take()
	if strings.Count(text, "the process ends before some requests do") != 2 || inUse(t, one) || inUse(t, two) {
		t.Errorf("the end of the process logs %s", text)
	}
	if a, b := stored(t, one), stored(t, two); a != 1 || b != 1 {
		t.Errorf("%d and %d requests are stored, want those that were broken off", a, b)
	}
	endOld()
	endNew()
	cleanup(t, app)
	if left := undrained.all(); len(left) != 0 {
		t.Errorf("%d apps are left", len(left))
	}
}

// A config that is refused, or was a slip that is taken back, deletes nothing.
func TestKeepOfSeveralConfigs(t *testing.T) {
	dir := t.TempDir()
	app := started(t, dir, "")
	for _, tc := range []struct {
		more string
		want time.Duration
	}{
		{`,"keep":"1d"`, defaultKeep},
		{`,"keep":"1000d"`, 1000 * 24 * time.Hour},
		{`,"keep":0`, 0},
	} {
		other := started(t, dir, tc.more)
		if got := app.disk.keep(); got != tc.want {
			t.Errorf("beside %s, usage is kept for %s, want %s", tc.more, got, tc.want)
		}
		cleanup(t, other)
		if got := app.disk.keep(); got != defaultKeep {
			t.Errorf("after %s, usage is kept for %s", tc.more, got)
		}
	}
	cleanup(t, app)
	for keep, want := range map[time.Duration]string{0: "forever", defaultKeep: "400d", 25 * time.Hour: "25h0m0s"} {
		if got := keepText(keep); got != want {
			t.Errorf("%v is shown as %s", keep, got)
		}
	}
}

func TestLedgerThatFails(t *testing.T) {
	app := started(t, t.TempDir(), "")
	logged.take()
	if ledgerDurable() != 1 || app.LedgerErr() != nil {
		t.Error("a ledger that works is not durable")
	}
	before := calm
	calm = time.Hour
	t.Cleanup(func() { calm = before })
	for range 3 { // on a full disk there is room now and then
		app.disk.changed(errors.New("demo disk full"))
		app.disk.changed(nil)
	}
	text := logged.take()
	for _, want := range []string{`"level":"error"`, `"logger":"gateway.ledger"`, "cannot be written", "demo disk full", app.disk.dir} {
		if strings.Count(text, want) != 1 {
			t.Errorf("the log has %q not once: %s", want, text)
		}
	}
	if h := app.ledgerHealth(t.Context()); h.Status != HealthDegraded || ledgerDurable() != 0 {
		t.Errorf("a ledger that fails now and then: %v, %+v", ledgerDurable(), h)
	}
	calm = time.Millisecond
	app.disk.changed(errors.New("demo disk full"))
	app.disk.changed(nil)
	eventually(t, "the end of the failure", func() bool { return ledgerDurable() == 1 })
	eventually(t, "telling it", func() bool { return strings.Contains(logged.take(), "written again") })
	if h := app.ledgerHealth(t.Context()); h.Status != HealthOK {
		t.Errorf("a ledger that works again: %+v", h)
	}
	if err := app.disk.Close(); err != nil { // a disk that is gone looks the same
		t.Fatal(err)
	}
	h := app.ledgerHealth(t.Context())
	if ledgerDurable() != 0 || app.LedgerErr() == nil || h.Status != HealthFailed || h.Detail == "" || h.Facts["path"] != app.disk.dir {
		t.Errorf("a ledger that fails: %v, %v, %+v", ledgerDurable(), app.LedgerErr(), h)
	}
	cleanup(t, app)
	if memory := provision(t, `{"ledger":{"memory":true}}`); memory.Start() != nil || ledgerDurable() != 1 ||
		memory.ledgerHealth(t.Context()).Facts["path"] != "memory" {
		t.Error("a ledger in memory fails")
	}
}

// What is damaged is told when the ledger is opened.
func TestDamagedLedger(t *testing.T) {
	dir := t.TempDir()
	db, _, err := ledgerdb.Open(ledgerdb.Options{Dir: dir, CheckpointEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		db.Record(&ledger.Record{At: time.Now(), Consumer: "alice"})
	}
	copied := t.TempDir()
	if err := os.CopyFS(filepath.Join(copied, "ledger"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(copied, "ledger", "journal", "*.journal"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("journal: %v, %v", segments, err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(segments[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	app := started(t, filepath.Join(copied, "ledger"), "")
	text := logged.take()
	for _, want := range []string{`"level":"error"`, `"logger":"gateway.ledger"`, "some of what was recorded is lost", "damaged in", "1 record lost"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q: %s", want, text)
		}
	}
	cleanup(t, app)
}
