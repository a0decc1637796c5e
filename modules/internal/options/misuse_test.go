// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestParseThen(t *testing.T) {
	t.Parallel()
	const src = "gate {\n tags a\n tags b\n limit 5\n}\n"
	cause := errors.New("it cannot be met")
	rows := []struct {
		name, src string
		check     error
		want      string
	}{
		{"fine", src, nil, ""},
		{"of an option", src, Wrong("limit", "%d is odd", 5), "gate: limit: 5 is odd, at Testfile:4"},
		{"of one that repeats", src, &MisuseError{Option: "tags", Err: cause}, "gate: tags: it cannot be met, at Testfile:3"},
		{"wrapped", src, errors.Join(&MisuseError{Option: "limit", Err: cause}), "gate: limit: it cannot be met, at Testfile:4"},
		{"of one on the first line", src, &MisuseError{Option: "realm", Err: cause}, "gate: realm: it cannot be met, at Testfile:1"},
		{"of one that knows its line", src, &MisuseError{Option: "limit 7", Err: cause, Line: 2}, "gate: limit 7: it cannot be met, at Testfile:2"},
		{"of the whole", src, cause, "gate: it cannot be met, at Testfile:5"},
		{"without a block", "gate", cause, "gate: it cannot be met, at Testfile:1"},
		{"not read", "gate {\n limit x\n}", cause, `gate: limit: "x" is not a whole number, at Testfile:2`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := caddyfile.NewTestDispenser(row.src)
			d.Next()
			var g gate
			err := ParseThen(d, "gate", Set{"tags": Strings(&g.Tags).Repeat(), "limit": Int(&g.Limit, 1, 100)}, func() error { return row.check })
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if row.check != nil && row.name != "not read" && !errors.Is(err, row.check) {
				t.Errorf("%v does not wrap %v", err, row.check)
			}
		})
	}
}
