// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// gate is a directive with an option of every kind.
type gate struct {
	Name     string
	Realm    string
	Once     bool
	Hide     bool
	Show     *bool
	Mode     string
	Tags     []string
	Limit    int
	TTL      caddy.Duration
	Body     int64
	Header   string
	Headers  []string
	Modes    []string
	Allow    []string
	Fail     []string
	Match    []string
	Upstream []upstream
}

type upstream struct {
	Name string
	Keys []string
}

func (g *gate) parse(d *caddyfile.Dispenser) error {
	d.Next()
	args, err := Args(d, "[<name>]")
	if err != nil {
		return err
	}
	if len(args) == 1 {
		g.Name = args[0]
	}
	return Parse(d, "gate", Set{
		"realm":   String(&g.Realm),
		"once":    Flag(&g.Once),
		"hide":    Bool(&g.Hide),
		"show":    BoolPtr(&g.Show),
		"mode":    Enum(&g.Mode, "strict", "kong"),
		"modes":   EnumList(&g.Modes, "strict", "kong"),
		"tags":    Strings(&g.Tags),
		"limit":   Int(&g.Limit, 1, 100),
		"ttl":     DurationBetween(&g.TTL, time.Second, 48*time.Hour),
		"wait":    Duration(&g.TTL),
		"body":    SizeBetween(&g.Body, 1, 32<<20),
		"header":  Header(&g.Header),
		"headers": Headers(&g.Headers),
		"allow":   Prefixes(&g.Allow).Repeat(),
		"fail": Func("<status> [every <n>]", func(args []string) error {
			if len(args) == 3 && args[1] != "every" {
				return errors.New("write every before the number")
			}
			g.Fail = args
			return nil
		}),
		"match": Raw(func(d *caddyfile.Dispenser) error {
			for nesting := d.Nesting(); d.NextBlock(nesting); {
				g.Match = append(g.Match, d.Val())
			}
			return nil
		}),
		"upstream": Block("<name>", func(args []string) (Set, error) {
			if args[0] == "none" {
				return nil, errors.New("none is reserved")
			}
			g.Upstream = append(g.Upstream, upstream{Name: args[0]})
			return Set{"key": Strings(&g.Upstream[len(g.Upstream)-1].Keys).Repeat()}, nil
		}).Repeat(),
	})
}

func TestParse(t *testing.T) {
	t.Parallel()
	off := false
	rows := []struct {
		name, src string
		want      gate
	}{
		{"bare", "gate", gate{}},
		{"argument", "gate front", gate{Name: "front"}},
		{"quoted brace is an argument", `gate "{"`, gate{Name: "{"}},
		{"empty block", "gate {\n}", gate{}},
		{"argument and block", "gate front {\n realm door\n}", gate{Name: "front", Realm: "door"}},
		{"booleans", "gate {\n once\n hide on\n show off\n}", gate{Once: true, Hide: true, Show: &off}},
		{"words", "gate {\n mode kong\n modes kong strict\n tags a b\n}", gate{Mode: "kong", Modes: []string{"kong", "strict"}, Tags: []string{"a", "b"}}},
		{"numbers", "gate {\n limit 100\n ttl 1.5d\n body 10MiB\n}", gate{Limit: 100, TTL: caddy.Duration(36 * time.Hour), Body: 10 << 20}},
		{"decimal size", "gate {\n body 10MB\n}", gate{Body: 10_000_000}},
		{"zero duration", "gate {\n wait 0s\n}", gate{}},
		{"headers as written", "gate {\n header apikey\n headers X-API-Key x_odd\n}", gate{Header: "apikey", Headers: []string{"X-API-Key", "x_odd"}}},
		{"repeatable list", "gate {\n allow 10.0.0.0/8 ::1\n allow 192.0.2.7\n}", gate{Allow: []string{"10.0.0.0/8", "::1", "192.0.2.7"}}},
		{"optional part missing", "gate {\n fail 503\n}", gate{Fail: []string{"503"}}},
		{"optional part given", "gate {\n fail 503 every 3\n}", gate{Fail: []string{"503", "every", "3"}}},
		{"sub-block and what follows it", "gate {\n upstream a {\n key x\n key y\n }\n upstream b\n realm r\n}", gate{Realm: "r", Upstream: []upstream{{"a", []string{"x", "y"}}, {"b", nil}}}},
		{"raw", "gate {\n match {\n path\n }\n once\n}", gate{Match: []string{"path"}, Once: true}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var got gate
			if err := got.parse(caddyfile.NewTestDispenser(row.src)); err != nil {
				t.Fatalf("parse: %v", err)
			}
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const all = "allow, body, fail, header, headers, hide, limit, match, mode, modes, once, realm, show, tags, ttl, upstream, wait"
	rows := []struct{ name, src, want string }{
		{"surplus argument", "gate a b", "gate takes 0 or 1 argument, not 2; write: gate [<name>], at Testfile:1"},
		{"unknown option", "gate {\n relm x\n}", `gate: unknown option "relm"; valid options are: ` + all + ", at Testfile:2"},
		{"duplicate", "gate {\n realm a\n once\n realm b\n}", "gate: option realm is given twice, first on line 2; keep one of them, at Testfile:4"},
		{"duplicate flag", "gate {\n once\n once\n}", "gate: option once is given twice, first on line 2; keep one of them, at Testfile:3"},
		{"missing value", "gate {\n realm\n}", "gate: realm takes exactly 1 argument, not 0; write: realm <text>, at Testfile:2"},
		{"surplus value", "gate {\n realm a b\n}", "gate: realm takes exactly 1 argument, not 2; write: realm <text>, at Testfile:2"},
		{"empty value", "gate {\n realm \"\"\n}", "gate: realm: the value is empty, at Testfile:2"},
		{"value for a flag", "gate {\n once on\n}", "gate: once takes no arguments, not 1; write: once, at Testfile:2"},
		{"block behind a value", "gate {\n realm a {\n x\n }\n}", "gate: realm takes no block; write: realm <text>, at Testfile:2"},
		{"empty block behind a flag", "gate {\n once {\n }\n}", "gate: once takes no block; write: once, at Testfile:2"},
		{"boolean", "gate {\n hide yes\n}", `gate: hide: "yes" is neither on nor off, at Testfile:2`},
		{"boolean pointer", "gate {\n show true\n}", `gate: show: "true" is neither on nor off, at Testfile:2`},
		{"enumeration", "gate {\n mode lax\n}", `gate: mode: "lax" is not one of: strict, kong, at Testfile:2`},
		{"enumeration list", "gate {\n modes kong lax\n}", `gate: modes: "lax" is not one of: strict, kong, at Testfile:2`},
		{"enumeration list twice", "gate {\n modes kong kong\n}", `gate: modes: "kong" is listed twice, at Testfile:2`},
		{"empty list", "gate {\n tags\n}", "gate: tags takes at least 1 argument, not 0; write: tags <text>..., at Testfile:2"},
		{"list with a repeat", "gate {\n tags a a\n}", `gate: tags: "a" is listed twice, at Testfile:2`},
		{"list with an empty value", "gate {\n tags a \"\"\n}", "gate: tags: a value is empty, at Testfile:2"},
		{"not a number", "gate {\n limit 1.5\n}", `gate: limit: "1.5" is not a whole number, at Testfile:2`},
		{"number too low", "gate {\n limit 0\n}", "gate: limit: 0 is out of range; it must be from 1 to 100, at Testfile:2"},
		{"number too high", "gate {\n limit 99999999999999999999\n}", "gate: limit: 99999999999999999999 is out of range; it must be from 1 to 100, at Testfile:2"},
		{"duration without unit", "gate {\n ttl 5\n}", `gate: ttl: "5" is not a duration; write a number and a unit, such as 250ms, 30s, 5m, 1h or 1d, at Testfile:2`},
		{"duration too short", "gate {\n ttl 5ms\n}", "gate: ttl: 5ms is too short; it must be at least 1s, at Testfile:2"},
		{"duration too long", "gate {\n ttl 3d\n}", "gate: ttl: 3d is too long; it must be at most 48h0m0s, at Testfile:2"},
		{"duration below zero", "gate {\n wait -1s\n}", "gate: wait: -1s is negative; write a duration that is not, at Testfile:2"},
		{"size without unit", "gate {\n body 1024\n}", "gate: body: 1024 lacks a unit; write a size such as 512B, 64KB or 10MiB, at Testfile:2"},
		{"size with wrong unit", "gate {\n body 5min\n}", `gate: body: "5min" is not a size; write a number and a unit, such as 512B, 64KB or 10MiB, at Testfile:2`},
		{"size too small", "gate {\n body 0B\n}", "gate: body: 0B is too small; it must be at least 1 B, at Testfile:2"},
		{"size too large", "gate {\n body 33MiB\n}", "gate: body: 33MiB is too large; it must be at most 32 MiB, at Testfile:2"},
		{"size beyond 63 bits", "gate {\n body 15EB\n}", "gate: body: 15EB is too large; it must be at most 32 MiB, at Testfile:2"},
		{"header with a colon", "gate {\n header X-Key:\n}", `gate: header: "X-Key:" is not a header name; write one such as X-API-Key, without spaces or colon, at Testfile:2`},
		{"empty header", "gate {\n headers \"\"\n}", `gate: headers: "" is not a header name; write one such as X-API-Key, without spaces or colon, at Testfile:2`},
		{"header twice in another case", "gate {\n headers X-Key x-key\n}", `gate: headers: "x-key" is listed twice, at Testfile:2`},
		{"address", "gate {\n allow 10.0.0.256\n}", `gate: allow: "10.0.0.256" is not an IP address or CIDR prefix; write one such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, at Testfile:2`},
		{"prefix length", "gate {\n allow 10.0.0.0/33\n}", `gate: allow: "10.0.0.0/33" is not a CIDR prefix; write one such as 10.0.0.0/8 or 2001:db8::/32, at Testfile:2`},
		{"prefix with host bits", "gate {\n allow 10.1.2.3/8\n}", `gate: allow: "10.1.2.3/8" has bits behind its length; write 10.0.0.0/8 or 10.1.2.3, at Testfile:2`},
		{"address with a zone", "gate {\n allow fe80::1%eth0\n}", `gate: allow: "fe80::1%eth0" has a zone; write the address without %eth0, at Testfile:2`},
		{"mapped address", "gate {\n allow ::ffff:192.0.2.1\n}", `gate: allow: "::ffff:192.0.2.1" is an IPv4 address in IPv6 form; write 192.0.2.1, at Testfile:2`},
		{"mapped prefix", "gate {\n allow ::ffff:192.0.2.0/120\n}", `gate: allow: "::ffff:192.0.2.0/120" is an IPv4 prefix in IPv6 form; write it as IPv4, at Testfile:2`},
		{"prefix twice on two lines", "gate {\n allow ::1\n allow ::1\n}", `gate: allow: "::1" is listed twice, at Testfile:3`},
		{"half of an optional part", "gate {\n fail 503 every\n}", "gate: fail takes 1 or 3 arguments, not 2; write: fail <status> [every <n>], at Testfile:2"},
		{"error of a function", "gate {\n fail 503 each 3\n}", "gate: fail: write every before the number, at Testfile:2"},
		{"error of a block's opening", "gate {\n upstream none {\n }\n}", "gate: upstream: none is reserved, at Testfile:2"},
		{"block without its name", "gate {\n upstream {\n }\n}", "gate: upstream takes exactly 1 argument, not 0; write: upstream <name>, at Testfile:2"},
		{"unknown option of a sub-block", "gate {\n upstream a {\n kee x\n }\n}", `gate: upstream a: unknown option "kee"; valid options are: key, at Testfile:3`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := new(gate).parse(caddyfile.NewTestDispenser(row.src))
			if err == nil || err.Error() != row.want {
				t.Errorf("parse error\n got %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestParseWithoutOptions(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"bare", "plain", ""},
		{"block", "plain {\n x\n}", "plain takes no block; remove the braces and what is between them, at Testfile:1"},
		{"argument not consumed", "plain a b", "plain: 2 arguments too many on this line, at Testfile:1"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := caddyfile.NewTestDispenser(row.src)
			d.Next()
			got := ""
			if err := Parse(d, "plain", nil); err != nil {
				got = err.Error()
			}
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestPrefixesExpandPrivateRanges(t *testing.T) {
	t.Parallel()
	var g gate
	if err := g.parse(caddyfile.NewTestDispenser("gate {\n allow private_ranges 192.0.2.7\n}")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10.0.0.0/8", "127.0.0.0/8", "::1", "192.0.2.7"} {
		if !slices.Contains(g.Allow, want) {
			t.Errorf("%v does not hold %s", g.Allow, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"gate a", "gate {\n upstream a {\n key x\n }\n}", "gate {\n match {\n a {\n b\n }\n }\n}", "gate { {", "gate {\n once {\n{\n}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tokens, err := caddyfile.Tokenize([]byte(src), "Testfile")
		if err != nil {
			return
		}
		err = new(gate).parse(caddyfile.NewDispenser(tokens))
		if err != nil && len(tokens) > 0 && !strings.Contains(err.Error(), ", at Testfile:") {
			t.Errorf("%q: error without file and line: %v", src, err)
		}
	})
}
