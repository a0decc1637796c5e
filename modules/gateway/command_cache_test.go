// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func TestCacheStatsCommand(t *testing.T) {
	address, answers, _ := twoCaches(t)
	app := active(t)
	for range 3 {
		app.Observe(answered("answers", state.CacheHit, "", 2_500_000_000), ok())
	}
	app.Observe(answered("answers", state.CacheMiss, "absent", 0), ok())
	app.Observe(answered("answers", state.CacheBypass, "method", 0), ok())
	const head = "CACHE STORE ENTRIES BYTES EVICTED HITS STALE COALESCED REVALIDATED MISSES BYPASSED HIT RATIO SAVED\n"
	const shared = "shared demo - - 0 0 0 0 0 0 0 - 0 usd\n"
	want := head + "answers embedded 0 0 B of 128 MiB 0 3 0 0 0 1 1 75.0% 0.0075 usd\n" + shared
	if out := squeeze(run(t, "cache", "stats", "--address", address)); out != want {
		t.Errorf("prints\n%s\nwant\n%s", out, want)
	}
	openedCaches(t, 1)[0].fail(errors.New("demo is down"))
	if out := squeeze(run(t, "cache", "stats", "shared", "--address", address)); out != head+shared+"warning: cache shared: demo is down\n" {
		t.Errorf("prints\n%s", out)
	}
	openedCaches(t, 1)[0].fail(nil)
	put(t, answers, 1)
	var list cacheList
	if err := json.Unmarshal([]byte(run(t, "cache", "stats", "answers", "--format", "json", "--address", address)), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Caches) != 1 || *list.Caches[0].Entries != 1 || list.Caches[0].Requests[state.CacheHit] != 3 {
		t.Errorf("in JSON it is %+v", list)
	}
}

func TestCachePurgeCommand(t *testing.T) {
	address, answers, shared := twoCaches(t)
	config := file(t, "caddy.json", `{"admin":{"listen":"`+address+`"}}`)
	for _, test := range []struct {
		name       string
		args       []string
		left, want string
	}{
		{"a consumer", []string{"--consumer", "alice"}, "24", "cache answers: 2 entries purged\ncache shared: purged; it does not count entries\n"},
		{"one of a route", []string{"--cache", "answers", "--consumer", "alice", "--route", "chat"}, "234", "cache answers: 1 entry purged\n"},
		{"a model of a provider", []string{"--provider", "openai", "--model", "gpt-4o", "--cache", "answers"}, "34", "cache answers: 2 entries purged\n"},
		{"tags", []string{"--tag", "x", "--tag", "y", "--cache", "answers"}, "234", "cache answers: 1 entry purged\n"},
		{"a path of a host", []string{"--host", "www.example", "--path", "/", "--cache", "answers"}, "124", "cache answers: 1 entry purged\n"},
		{"a key", []string{"--key", caching.Key{3}.String()}, "124", "cache answers: 1 entry purged\ncache shared: 1 entry purged\n"},
		{"everything", []string{"--all"}, "", "cache answers: 4 entries purged\ncache shared: purged; it does not count entries\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fill(t, answers)
			fill(t, shared)
			if out := run(t, append([]string{"cache", "purge", "--config", config}, test.args...)...); out != test.want {
				t.Errorf("prints %q, want %q", out, test.want)
			}
			if got := left(t, answers); got != test.left {
				t.Errorf("left are %q, want %q", got, test.left)
			}
		})
	}
	fill(t, answers)
	var answer cachePurge
	if err := json.Unmarshal([]byte(run(t, "cache", "purge", "--all", "--format", "json", "--address", address)), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Purged) != 2 || *answer.Purged[0].Entries != 4 || answer.Purged[1].Entries != nil {
		t.Errorf("in JSON it is %+v", answer)
	}
}

func TestCacheCommandRefusals(t *testing.T) {
	address, answers, _ := twoCaches(t)
	fill(t, answers)
	for want, args := range map[string][]string{
		"say what to purge with --key":   {"purge"},
		"or everything with --all":       {"purge", "--cache", "answers"},
		"parameter consumer is empty":    {"purge", "--consumer", "", "--model", "gpt-4o"},
		"parameter tag is empty":         {"purge", "--tag", ""},
		"all=true purges more":           {"purge", "--all", "--model", "gpt-4o"},
		"64 hexadecimal digits":          {"purge", "--key", "12"},
		`cache \"nine\" is not in use`:   {"purge", "--all", "--cache", "nine"},
		"unknown command \"answers\"":    {"purge", "answers", "--all"},
		"write one of: table, json":      {"stats", "--format", "csv"},
		"accepts at most 1 arg":          {"stats", "answers", "shared"},
		"is not in use; there are":       {"stats", "nine"},
		"ask the admin API at 127.0.0.1": {"purge", "--all", "--address", unused(t)},
		"find admin API":                 {"purge", "--all", "--address", "", "--config", "/nonexistent/Caddyfile"},
	} {
		_, _, err := command(t, "", append([]string{"cache", args[0], "--address", address}, args[1:]...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error is %v, want %q", args, err, want)
		}
	}
	if got := left(t, answers); got != "1234" {
		t.Errorf("left are %q", got)
	}
}

func TestCacheCommandWithoutCaches(t *testing.T) {
	address := instanceOf(t, `{}`)
	for _, args := range [][]string{{"stats"}, {"purge", "--all"}} {
		if out := run(t, append(append([]string{"cache"}, args...), "--address", address)...); out != "No cache is in use.\n" {
			t.Errorf("%v prints %q", args, out)
		}
	}
}
