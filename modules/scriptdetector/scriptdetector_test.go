// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package scriptdetector

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// detector returns the registered module.
func detector(t *testing.T) languages.Detector {
	t.Helper()
	info, err := caddy.GetModule("gateway.language_detectors.script")
	if err != nil {
		t.Fatal(err)
	}
	return info.New().(languages.Detector)
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		among []languages.Code
		text  string
		want  languages.Code
		by    string
	}{
		{"by script", nil, "எனக்கு தண்ணீர் வேண்டும்", "ta", "script"},
		{"by model", nil, "मुझे पीने के लिए थोड़ा पानी चाहिए", "hi", "model"},
		{"romanised", nil, "mujhe kal subah dilli jana hai aur main ghar par nahi rahunga", "hi-Latn", "model"},
		{"script of none asked for", []languages.Code{"hi", "mr"}, "எனக்கு தண்ணீர் வேண்டும்", "other", "script"},
		{"among a few", []languages.Code{"hi", "ta"}, "मुझे पानी चाहिए", "hi", "model"},
		{"no letters", nil, "12345 😀", "", ""},
		{"invalid", nil, "\xff\xfe\xe0", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i, err := detector(t).Among(tt.among...)
			if err != nil {
				t.Fatal(err)
			}
			if r := i.Identify([]byte(tt.text)); r.Language != tt.want || r.Source != tt.by {
				t.Errorf("%q is %+v, want %s by %s", tt.text, r, tt.want, tt.by)
			}
		})
	}
}

func TestAmong(t *testing.T) {
	t.Parallel()
	d := detector(t)
	known := d.Languages()
	if !slices.IsSorted(known) || !slices.Contains(known, "hi-Latn") || slices.Contains(known, "ks") {
		t.Errorf("it knows %v, want labels with scripts, sorted", known)
	}
	if _, err := d.Among("ks"); err != nil {
		t.Errorf("a language in both of its scripts: %v", err)
	}
	if i, err := d.Among("de"); err == nil || !strings.Contains(err.Error(), `"de"`) || i != nil {
		t.Errorf("a language that it does not know: %v, %v", i, err)
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		fault      string // "" if it is accepted
	}{
		{"plain", "script", ""},
		{"argument", "script hi", "Testfile:1"},
		{"block", "script {\nmodel x\n}", "no block"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := new(Detector).UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.text))
			if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("error is %v, want one with %q", err, tt.fault)
			}
		})
	}
}

func TestIdentifyAllocatesNothing(t *testing.T) {
	i, err := detector(t).Among()
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("मुझे पीने के लिए थोड़ा पानी चाहिए")
	if n := testing.AllocsPerRun(100, func() { i.Identify(text) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
