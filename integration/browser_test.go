// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
)

// browserVariable says, when set to "required", that a test without a browser fails.
const browserVariable = "TOLLGATE_BROWSER"

// browser starts a headless Chromium. Where none is installed the test ends here: what
// it would see is in the tests of the example as well, which speak HTTP themselves.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		if os.Getenv(browserVariable) == "required" {
			t.Fatal("no Chromium is installed")
		}
		t.Skip("no Chromium is installed; make browser installs it")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(2*time.Minute))
	allocator, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(stop)
	return ctx
}

// page starts a server of pages, which have an origin of their own. They are empty.
func page(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>page</title>")
	}))
	t.Cleanup(srv.Close)
	return srv
}

// script opens a page and runs the body of an asynchronous function in it. What that
// returns is decoded into result.
func script(t *testing.T, ctx context.Context, page, body string, result any) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatalf("open page: %v", err)
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		"(async () => JSON.stringify(await (async () => {"+body+"})()))()", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("run script: %v", err)
	}
	if err := json.Unmarshal([]byte(text), result); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
}

// live answers a WebSocket with what it is sent, and everything else as JSON.
func live(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/live" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"method": %q, "session": %q}`, r.Method, r.Header.Get("Cookie"))
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, frame, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, frame) != nil {
			return
		}
	}
}

// pageGateway loads the example for a page with an upstream that is live.
func pageGateway(t *testing.T, origin string) (*Gateway, *Upstream) {
	t.Helper()
	up := upstream(t, live)
	return exampleGateway(t, "browser-app.Caddyfile", map[string]string{
		"WEB_APP_KEY": strings.TrimPrefix(pageKey, "apikey: "), "APP_ORIGIN": origin, "API_SERVER": up.Addr, "API_SERVER_V1": up.Addr,
	}), up
}

// fetching is the part of a script that calls the gateway with a key and cookies, and
// tells what the page can see of the answer.
const fetching = `
const call = async (path, init) => {
	try {
		const a = await fetch("{{GATEWAY}}" + path, {credentials: "include", ...init});
		const text = await a.text();
		let body = {};
		try { body = JSON.parse(text); } catch {}
		return {status: a.status, id: a.headers.get("X-Correlation-ID"), retry: a.headers.get("Retry-After"), version: a.headers.get("X-API-Version"),
			deprecation: a.headers.get("Deprecation"), secret: a.headers.get("Server"), ...body};
	} catch (e) {
		return {failed: String(e)};
	}
};
const key = {apikey: "demo-web-app-key-not-a-secret"};
const frames = (url, n) => new Promise((resolve) => {
	const ws = new WebSocket(url);
	let got = 0;
	ws.onopen = () => ws.send("frame 0");
	ws.onmessage = (m) => {
		if (m.data !== "frame " + got) { resolve({got, wrong: m.data}); }
		if (++got < n) { ws.send("frame " + got); return; }
		resolve({got, open: ws.readyState === WebSocket.OPEN});
		ws.close();
	};
	ws.onclose = () => resolve({got, closed: true});
});
`

// seenByPage is what a page can see of an answer.
type seenByPage struct {
	Status                                          int
	Failed, ID, Retry, Version, Deprecation, Secret string
	Code, Method, Session                           string
	RequestID                                       string `json:"request_id"`
}

type seenFrames struct {
	Got          int
	Open, Closed bool
	Wrong        string
}

func TestPageCallsAcrossOrigins(t *testing.T) {
	ctx, app, other := browser(t), page(t), page(t)
	g, _ := pageGateway(t, app.URL)
	prelude := strings.ReplaceAll(fetching, "{{GATEWAY}}", g.URL)
	var got struct{ Put, NoKey, Old, Gone, Missing, Limited seenByPage }
	script(t, ctx, app.URL, prelude+`
		document.cookie = "session=demo";
		const r = {};
		r.put = await call("/api/things", {method: "PUT", headers: {...key, "Content-Type": "application/json"}, body: "{}"});
		r.noKey = await call("/api/things");
		r.old = await call("/api/v1/things", {headers: key});
		r.gone = await call("/api/export/x", {headers: key});
		r.missing = await call("/nothing");
		for (let i = 0; i < 110; i++) {
			r.limited = await call("/api/things", {headers: key});
			if (r.limited.status === 429) break;
		}
		return r;`, &got)
	if p := got.Put; p.Status != 200 || p.Method != "PUT" || p.Session != "session=demo" || p.ID == "" || p.Version != "v2" || p.Secret != "" {
		t.Errorf("a call with a preflight and a cookie: %+v", p)
	}
	for code, refusal := range map[string]seenByPage{"key_missing": got.NoKey, "gone": got.Gone, "not_found": got.Missing, "rate_limit_exceeded": got.Limited} {
		if refusal.Code != code || refusal.ID == "" || refusal.ID != refusal.RequestID {
			t.Errorf("a page does not see %s: %+v", code, refusal)
		}
	}
	if got.Limited.Retry == "" {
		t.Error("a page does not see when to come back")
	}
	if got.Old.Status != 200 || got.Old.Version != "v1" || got.Old.Deprecation == "" {
		t.Errorf("a page does not see that a version is deprecated: %+v", got.Old)
	}
	var refused struct{ Simple, Preflighted seenByPage }
	script(t, ctx, other.URL, prelude+`return {simple: await call("/api/things"), preflighted: await call("/api/things", {headers: key})};`, &refused)
	if refused.Simple.Failed == "" || refused.Preflighted.Failed == "" {
		t.Errorf("a page of another origin sees %+v", refused)
	}
}

func TestPageHoldsAWebSocket(t *testing.T) {
	ctx, app, other := browser(t), page(t), page(t)
	g, _ := pageGateway(t, app.URL)
	prelude := strings.ReplaceAll(fetching, "{{GATEWAY}}", g.URL)
	socket := strings.Replace(g.URL, "http", "ws", 1) + "/live"
	var got struct {
		First, Again, Without seenFrames
		Spare                 string
	}
	script(t, ctx, app.URL, prelude+`
		const ticket = async () => (await (await fetch("`+g.URL+`/tickets", {method: "POST", headers: key})).json()).ticket;
		const one = await ticket();
		const r = {first: await frames("`+socket+`?ticket=" + one, 1000)};
		r.again = await frames("`+socket+`?ticket=" + one, 1);
		r.without = await frames("`+socket+`", 1);
		r.spare = await ticket();
		return r;`, &got)
	if got.First.Got != 1000 || !got.First.Open || got.First.Wrong != "" {
		t.Errorf("a WebSocket with a ticket: %+v", got.First)
	}
	if !got.Again.Closed || !got.Without.Closed || got.Again.Got+got.Without.Got > 0 {
		t.Errorf("a ticket again: %+v; none: %+v", got.Again, got.Without)
	}
	if got.Spare == "" {
		t.Fatal("there is no second ticket")
	}
	var stolen seenFrames
	script(t, ctx, other.URL, prelude+`return await frames("`+socket+`?ticket=`+got.Spare+`", 1);`, &stolen)
	if !stolen.Closed || stolen.Got > 0 {
		t.Errorf("a page of another origin uses a ticket: %+v", stolen)
	}
}
