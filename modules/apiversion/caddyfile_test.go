// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	const src = `api_version v1 v2 {
	default v2
	prefix /services
	header X-Version
	path
	query v
	accept
	conflict reject
	unknown 404
	rewrite strip
	response_header
	version v1 {
		deprecated 2026-01-01
		sunset 2026-12-31 https://docs.test/v1
		successor v2
		gone
	}
}`
	const want = `{"versions":["v1","v2"],"default":"v2","prefix":"/services",` +
		`"sources":[{"from":"header","name":"X-Version"},{"from":"path"},{"from":"query","name":"v"},{"from":"accept"}],` +
		`"conflict":"reject","unknown":404,"rewrite":"strip","response_header":true,` +
		`"lifecycle":{"v1":{"deprecated":"2026-01-01","sunset":"2026-12-31","sunset_link":"https://docs.test/v1","successor":"v2","gone":true}}}`
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(src)); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(&h); err != nil || string(got) != want {
		t.Errorf("error %v\ngot  %s\nwant %s", err, got, want)
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, opts, want string }{
		{"no versions", "default v1", "versions: no version is listed"},
		{"no such default", "versions v1\ndefault v2", `default: version "v2" is not listed; there are: v1, at Testfile:3`},
		{"alike", "versions v1 1", "versions v1 and 1 cannot be told apart"},
		{"a bad name", "versions v1/x", `"v1/x" is no version`},
		{"a bad prefix", "versions v1\nprefix api", `prefix: "api" is no prefix; begin with a slash`},
		{"a name of the path", "versions v1\npath x", "path takes no argument"},
		{"a bad header", "versions v1\nheader a(b", "header: "},
		{"a header that Caddy drops", "versions v1\nheader x_api.version", `header: "x_api.version" is a name that Caddy drops, unless told to expect it, since upstreams may take _ and . for -; write "x-api-version", at Testfile:3`},
		{"a header of the message", "versions v1\nheader content-length", "header: Content-Length says something else"},
		{"a header of the caller", "versions v1\nheader X-Consumer-Groups", "header: X-Consumer-Groups says something else"},
		{"a header with credentials", "versions v1\nheader authorization", "header: Authorization says something else"},
		{"Accept as a header", "versions v1\nheader accept", "write: accept"},
		{"a header twice", "versions v1\nheader\nheader X-API-Version", "header X-Api-Version is there twice"},
		{"a bad parameter", "versions v1\naccept Version", `accept: "Version" is no parameter`},
		{"the quality", "versions v1\naccept q", `"q" is no parameter`},
		{"an empty parameter", "versions v1\nquery \"\"", "the name is empty"},
		{"a bad conflict", "versions v1\nconflict last", "first"},
		{"a bad status", "versions v1\nunknown 403", "unknown: 403 is none of 400, 404 and 406"},
		{"a bad rewrite", "versions v1\nrewrite on", "full"},
		{"a bad date", "versions v1\nversion v1 {\nsunset soon\n}", `version v1: sunset: "soon" is no date; write 2026-12-31`},
		{"a bad link", "versions v1\nversion v1 {\nsunset 2026-12-31 docs\n}", "nor a path that begins with a slash"},
		{"an end before the beginning of the end", "versions v1\nversion v1 {\ndeprecated 2026-12-31\nsunset 2026-01-01\n}", "sunset is before deprecated"},
		{"gone when", "versions v1\nversion v1 {\ngone\n}", "gone needs the date"},
		{"no such successor", "versions v1\nversion v1 {\nsuccessor v2\n}", `successor: version "v2" is not listed`},
		{"its own successor", "versions v1\nversion v1 {\nsuccessor v1\n}", "cannot succeed itself"},
		{"no such version", "versions v1\nversion v2 {\nsunset 2026-12-31\n}", `version v2: version "v2" is not listed; there are: v1, at Testfile:3`},
		{"a version twice", "versions v1\nversion v1\nversion v1", "it has a block already"},
		{"an unknown option", "versions v1\nlatest", `unknown option "latest"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("api_version {\n" + row.opts + "\n}"))
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestRefusedJSON(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"versions":["v1"],"sources":[{"from":"path","name":"x"}]}`: "the path has no name",
		`{"versions":["v1"],"sources":[{"from":"cookie"}]}`:          `"cookie" is none of path, header, query and accept`,
		`{"versions":["v1"],"conflict":"last"}`:                      "neither first nor reject",
		`{"versions":["v1"],"rewrite":"on"}`:                         "none of full, strip and off",
		`{"versions":["v1"],"lifecycle":{"v1":null}}`:                "nothing is said about it",
		`{"versions":["v1"],"lifecycle":{"v1":{"sunset_link":"/"}}}`: "there is a link and no date",
	} {
		h := new(Handler)
		if err := json.Unmarshal([]byte(config), h); err != nil {
			t.Fatal(err)
		}
		if err := h.compile(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
}

func TestMatcherOptions(t *testing.T) {
	t.Parallel()
	rows := []struct{ src, want string }{
		{"api_version v1 v2", ""},
		{"api_version", "takes at least 1 argument, not 0"},
		{"api_version v1 v1", "v1 is listed twice"},
		{"api_version v1/x", "is no version"},
		{"api_version v1 {\nx\n}", "takes no block"},
	}
	for _, row := range rows {
		m := new(MatchAPIVersion)
		err := m.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.src, err, row.want)
		}
	}
	data, err := json.Marshal(&MatchAPIVersion{Versions: []string{"v1"}})
	if err != nil || string(data) != `["v1"]` {
		t.Errorf("JSON %s, error %v", data, err)
	}
	if err := new(MatchAPIVersion).Validate(); err == nil {
		t.Error("an empty list is taken")
	}
}
