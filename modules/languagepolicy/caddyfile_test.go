// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"one for all", `* a:1`, `{"languages":{"*":{"upstreams":["a:1"]}}}`},
		{
			"languages in other forms", "Hindi a:1\ntam_Taml b:1\n*>eng_Latn c:1",
			`{"languages":{"hi":{"upstreams":["a:1"]},"ta":{"upstreams":["b:1"]},"*>en":{"upstreams":["c:1"]}}}`,
		},
		{"weights", `hi a:1=3 b:1=1`, `{"languages":{"hi":{"upstreams":["a:1","b:1"],"weights":[3,1]}}}`},
		{"some weights", `hi a:1=1000 b:1`, `{"languages":{"hi":{"upstreams":["a:1","b:1"],"weights":[1000,1]}}}`},
		{"no port", `hi a`, `{"languages":{"hi":{"upstreams":["a:80"]}}}`},
		{"schemes", `hi http://a https://b h2c://c:9`, `{"languages":{"hi":{"upstreams":["a:80","b:443","c:9"]}}}`},
		{"IPv6", `hi [::1]:9=2`, `{"languages":{"hi":{"upstreams":["[::1]:9"],"weights":[2]}}}`},
		{"socket", `hi unix//run/hi.sock unix+h2c//run/h2c.sock`, `{"languages":{"hi":{"upstreams":["unix//run/hi.sock","unix//run/h2c.sock"]}}}`},
		{"ports", `hi a:1-3=2 b:1`, `{"languages":{"hi":{"upstreams":["a:1","a:2","a:3","b:1"],"weights":[2,2,2,1]}}}`},
		{"placeholders", `hi {env.A}:1=2 {http.vars.a=b}`, `{"languages":{"hi":{"upstreams":["{env.A}:1","{http.vars.a=b}"],"weights":[2,1]}}}`},
		{
			"policies", "ta a:1 b:1 {\n policy least_conn\n}\npolicy random_choose 2",
			`{"languages":{"ta":{"upstreams":["a:1","b:1"],"policy":{"policy":"least_conn"}}},"default":{"choose":2,"policy":"random_choose"}}`,
		},
		{
			"policies with blocks", "policy header X-User {\n fallback first\n}\nta a:1 b:1 {\n policy cookie lb demo-key-not-a-secret {\n  max_age 1h\n  fallback header X {\n   fallback ip_hash\n  }\n }\n}\nhi a:1 {\n policy query user {\n  fallback uri_hash\n }\n}",
			`{"languages":{"hi":{"upstreams":["a:1"],"policy":{"fallback":{"policy":"uri_hash"},"key":"user","policy":"query"}},"ta":{"upstreams":["a:1","b:1"],"policy":{"fallback":{"fallback":{"policy":"ip_hash"},"field":"X","policy":"header"},"max_age":3600000000000,"name":"lb","policy":"cookie","secret":"demo-key-not-a-secret"}}},"default":{"fallback":{"policy":"first"},"field":"X-User","policy":"header"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var p Policy
			if err := p.UnmarshalCaddyfile(caddyfile.NewTestDispenser("language {\n" + tt.in + "\n}")); err != nil {
				t.Fatal(err)
			}
			sameJSON(t, p, tt.want)
		})
	}
}

// sameJSON checks what a value is in JSON, whatever the order of members.
func sameJSON(t *testing.T, v any, want string) {
	t.Helper()
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var sides [2]any
	for i, s := range []string{string(got), want} {
		if err := json.Unmarshal([]byte(s), &sides[i]); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
	}
	a, _ := json.Marshal(sides[0])
	b, _ := json.Marshal(sides[1])
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

func TestCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"argument", "language hi", `nothing can stand before the block, but "hi" does; write the languages between the braces, at Testfile:1`},
		{"no block", "language", "no language is written; write { * <upstream>... } at least, at Testfile:1"},
		{"empty block", "language {\n}", "no language is written"},
		{"unknown code", "language {\nhi a:1\nxx b:1\n}", `lb_policy language: "xx" is no language that is known: write a code such as hi or mni-Mtei, a pair such as hi>ta or *>ta, or * for all, at Testfile:3`},
		{"auto", "language {\nauto a:1\n}", `"auto" is no language`},
		{"half a pair", "language {\nhi> a:1\n}", `"hi>" is no language`},
		{"no upstream", "language {\nhi\n}", "hi: no upstream is written; write: hi <upstream>[=<weight>]..., at Testfile:2"},
		{"block alone", "language {\nhi {\npolicy first\n}\n}", "hi: no upstream is written"},
		{"language twice", "language {\nhi a:1\n\nHindi b:1\n}", "hi is there twice, first on line 2; write its upstreams on one line, at Testfile:4"},
		{"all twice", "language {\n* a:1\n*>* b:1\n}", "* is there twice, first on line 2"},
		{"upstream twice", "language {\nhi a:80 a\n}", "hi: upstream a:80 is there twice; give it a weight instead: a:80=2, at Testfile:2"},
		{"range over an upstream", "language {\nhi a:1-3 a:2\n}", "upstream a:2 is there twice"},
		{"weight 0", "language {\nhi a:1=0 b:1\n}", `hi: weight "0" of "a:1": an upstream without weight is never chosen; remove it from this language, at Testfile:2`},
		{"weight above", "language {\nhi a:1=1001\n}", `weight "1001" of "a:1": a weight is a whole number from 1 to 1000, at Testfile:2`},
		{"negative weight", "language {\nhi a:1=-1\n}", "a whole number from 1 to 1000"},
		{"fraction", "language {\nhi a:1=0.5\n}", "a whole number from 1 to 1000"},
		{"no weight", "language {\nhi a:1=\n}", `weight "" of "a:1"`},
		{"weight alone", "language {\nhi =3\n}", `"=3" is no address of an upstream`},
		{"path", "language {\nhi http://a/v1\n}", "hi: parsing upstream 'http://a/v1': for now, URLs for proxy upstreams only support scheme, host, and port components, at Testfile:2"},
		{"scheme", "language {\nhi ws://a\n}", "at Testfile:2"},
		{"ports", "language {\nhi a:9-1\n}", "at Testfile:2"},
		{"weights and policy", "language {\nhi a:1=3 b:1 {\npolicy first\n}\n}", "hi: weights and a policy are written for the same upstreams; keep one of them, at Testfile:3"},
		{"unknown option", "language {\nhi a:1 {\nfallback first\n}\n}", `hi: unknown option "fallback"; the only one is: policy <name>, at Testfile:3`},
		{"policy twice", "language {\npolicy first\n* a:1\npolicy first\n}", "policy is there twice; keep one of them, at Testfile:4"},
		{"policy of a language twice", "language {\nhi a:1 {\npolicy first\npolicy first\n}\n}", "hi: policy is there twice; keep one of them, at Testfile:4"},
		{"policy without name", "language {\n* a:1\npolicy\n}", "policy takes the name of one; write one of: client_ip_hash, cookie, first,"},
		{"unknown policy", "language {\n* a:1 {\npolicy fastest\n}\n}", `*: policy "fastest" cannot choose here; write one of: client_ip_hash, cookie, first,`},
		{"policy language", "language {\n* a:1 {\npolicy language {\n* a:1\n}\n}\n}", `policy "language" cannot choose here`},
		{"argument of a policy", "language {\n* a:1 {\npolicy first second\n}\n}", "*: policy: "},
		{"option of a policy", "language {\n* a:1\npolicy header X {\nunknown\n}\n}", "lb_policy language: policy: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := new(Policy).UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("%v does not say where", err)
			}
		})
	}
}

// TestCaddyfileInReverseProxy checks that the proxy's own options after the policy are
// still read, and that the policy can be the fallback of another one.
func TestCaddyfileInReverseProxy(t *testing.T) {
	t.Parallel()
	var h reverseproxy.Handler
	err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(`reverse_proxy a:1 b:1 {
		lb_policy header X-User {
			fallback language {
				hi a:1 {
					policy cookie lb {
						max_age 1h
					}
				}
				* b:1
			}
		}
		lb_retries 3
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if h.LoadBalancing.Retries != 3 {
		t.Error("lb_retries is not read after the policy")
	}
	sameJSON(t, h.LoadBalancing.SelectionPolicyRaw, `{"policy":"header","field":"X-User","fallback":{"policy":"language",
		"languages":{"hi":{"upstreams":["a:1"],"policy":{"policy":"cookie","name":"lb","max_age":3600000000000}},"*":{"upstreams":["b:1"]}}}}`)
}
