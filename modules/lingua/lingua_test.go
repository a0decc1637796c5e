// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"slices"
	"strings"
	"testing"

	"github.com/pemistahl/lingua-go"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

func TestModule(t *testing.T) {
	t.Parallel()
	info, err := caddy.GetModule("gateway.language_detectors.lingua")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := info.New().(languages.Detector); !ok {
		t.Errorf("%T is no detector", info.New())
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	codes := new(Detector).Languages()
	if len(codes) != len(lingua.AllLanguages()) {
		t.Errorf("%d languages, lingua-go has %d", len(codes), len(lingua.AllLanguages()))
	}
	if !slices.IsSorted(codes) || !slices.Contains(codes, "nb") || !slices.Contains(codes, "zh") {
		t.Errorf("languages are %v", codes)
	}
	for _, code := range codes {
		if s := scriptOfCode(code); s == none || s == unknown {
			t.Errorf("%s is written in no script", code)
		}
	}
}

func TestAmongRefuses(t *testing.T) {
	t.Parallel()
	for _, code := range []languages.Code{"brx", "hi-Latn", "zh-Hant", "other", ""} {
		if i, err := new(Detector).Among("de", code); err == nil || i != nil {
			t.Errorf("%q is accepted", code)
		}
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       Detector
		fault      string // "" if it is accepted
	}{
		{"plain", "lingua", Detector{}, ""},
		{"empty block", "lingua {\n}", Detector{}, ""},
		{"all", "lingua {\nlow_accuracy\nminimum_distance 0.25\n}", Detector{LowAccuracy: true, MinimumDistance: 0.25}, ""},
		{"argument", "lingua de", Detector{}, "no arguments"},
		{"unknown option", "lingua {\npreload\n}", Detector{}, "valid options are: low_accuracy, minimum_distance"},
		{"twice", "lingua {\nlow_accuracy\nlow_accuracy\n}", Detector{}, "Testfile:3"},
		{"flag with a value", "lingua {\nlow_accuracy on\n}", Detector{}, "low_accuracy"},
		{"no number", "lingua {\nminimum_distance far\n}", Detector{}, "such as 0.1"},
		{"no finite number", "lingua {\nminimum_distance NaN\n}", Detector{}, "between 0 and 0.99"},
		{"too large", "lingua {\nminimum_distance 1\n}", Detector{}, "between 0 and 0.99"},
		{"negative", "lingua {\nminimum_distance -0.1\n}", Detector{}, "between 0 and 0.99"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d Detector
			err := d.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.text))
			if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Fatalf("error is %v, want one with %q", err, tt.fault)
			}
			if err == nil && d != tt.want {
				t.Errorf("read %+v, want %+v", d, tt.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := (&Detector{MinimumDistance: 0.99}).Validate(); err != nil {
		t.Error(err)
	}
	if (&Detector{MinimumDistance: 2}).Validate() == nil {
		t.Error("a distance of 2 is accepted")
	}
}

func TestWithContrasts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		codes string
		want  string // as sorted by lingua-go
	}{
		{"several of a script", "de fr", "FR DE"},
		{"one of a script", "de", "EN DE"},
		{"the contrast itself", "en", "EN FR"},
		{"one of each of two scripts", "de uk", "EN DE RU UK"},
		{"own script", "ta", "EL TA"},
		{"own script, the filler itself", "el", "KA EL"},
		{"own scripts", "ta th", "TA TH"},
		{"own and shared", "ta hi", "HI MR TA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			chosen := make(map[lingua.Language]languages.Code)
			for code := range strings.FieldsSeq(tt.codes) {
				chosen[known().languages[languages.Code(code)]] = languages.Code(code)
			}
			var got []string
			for _, language := range withContrasts(chosen) {
				got = append(got, language.IsoCode639_1().String())
			}
			want := strings.Fields(tt.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("loads %v, want %v", got, want)
			}
		})
	}
}
