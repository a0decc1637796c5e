// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languages

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want Code // "" if unknown
	}{
		{"hi", "hi"},
		{"HI", "hi"},
		{" hi ", "hi"},
		{"hin", "hi"},
		{"hi-IN", "hi"},
		{"hi_IN", "hi"},
		{"hin_Deva", "hi"},
		{"hi-Deva-IN", "hi"},
		{"Hindi", "hi"},
		{"hi-Latn", "hi-Latn"},
		{"hi-Latn-IN", "hi-Latn"},
		{"hin_Latn", "hi-Latn"},
		{"Hinglish", "hi-Latn"},
		{"romanised Hindi", "hi-Latn"},
		{"Hindi (Roman)", "hi-Latn"},
		{"en-GB", "en"},
		{"eng_Latn", "en"},
		{"en-US-x-private", "en"},
		{"en-u-nu-deva", "en"},
		{"es-419", "es"},
		{"de-DE-1996", "de"},
		{"ory_Orya", "or"},
		{"Oriya", "or"},
		{"npi", "ne"},
		{"npi_Deva", "ne"},
		{"gom", "kok"},
		{"gom_Deva", "kok"},
		{"Goan Konkani", "kok"},
		{"dgo", "doi"},
		{"sat", "sat"},
		{"sat_Olck", "sat"},
		{"sat_Deva", "sat-Deva"},
		{"mni", "mni"},
		{"mni_Mtei", "mni-Mtei"},
		{"mni_Beng", "mni-Beng"},
		{"Manipuri (Meetei Mayek)", "mni-Mtei"},
		{"kas_Arab", "ks-Arab"},
		{"ks-Deva", "ks-Deva"},
		{"KASHMIRI (devanagari)", "ks-Deva"},
		{"snd", "sd"},
		{"snd_Deva", "sd-Deva"},
		{"Sindhi (Perso-Arabic)", "sd-Arab"},
		{"zho_Hant", "zh-Hant"},
		{"zho_Hans", "zh"},
		{"arb_Arab", "ar"},
		{"Arabic", "ar"},
		{"pes", "fa"},
		{"auto", ""},
		{"und", ""},
		{"other", ""},
		{"", ""},
		{"xx", ""},
		{"hindustan", ""},
		{"hi-", "hi"},
		{"hi IN; drop", ""},
		{"hi-\x00", ""},
		{"हिन्दी", ""},
		{strings.Repeat("hi-", 40), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, ok := Canonical(tt.name); got != tt.want || ok != (tt.want != "") {
				t.Errorf("Canonical(%q) = %q, %v, want %q", tt.name, got, ok, tt.want)
			}
		})
	}
}

// TestCanonicalKeepsCodes checks that what Canonical answers is canonical.
func TestCanonicalKeepsCodes(t *testing.T) {
	t.Parallel()
	for name, l := range languages() {
		if got, ok := Canonical(name); !ok || got != l.code {
			t.Errorf("Canonical(%q) = %q, %v, want %q", name, got, ok, l.code)
		}
		if l.script != "" {
			if got, ok := Canonical(string(l.code) + "_" + l.script); !ok || got != l.code {
				t.Errorf("Canonical(%s_%s) = %q, %v, want %q", l.code, l.script, got, ok, l.code)
			}
		}
	}
}

func TestWrittenIn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code   Code
		script string
		want   bool
	}{
		{"hi", "Deva", true},
		{"hi", "Latn", false},
		{"hi-Latn", "Latn", true},
		{"hi-Latn", "Deva", false},
		{"en", "Latn", true},
		{"en", "Deva", false},
		{"ks", "Arab", true},
		{"ks", "Deva", true},
		{"ks", "Latn", false},
		{"ks-Arab", "Deva", false},
		{"xx", "Latn", false},
	}
	for _, tt := range tests {
		if got := tt.code.WrittenIn(tt.script); got != tt.want {
			t.Errorf("%s.WrittenIn(%s) = %v, want %v", tt.code, tt.script, got, tt.want)
		}
	}
}

// TestNamesAreUnambiguous checks that no name stands for two languages.
func TestNamesAreUnambiguous(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for line := range strings.Lines(namesFile) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.FieldsFunc(strings.TrimSpace(line), func(r rune) bool { return r == ';' || r == ',' })
		fields[0], _, _ = strings.Cut(fields[0], " ")
		for _, name := range fields {
			name = strings.ToLower(name)
			if first, twice := seen[name]; twice && first != line {
				t.Errorf("%q stands in %q and in %q", name, first, line)
			}
			seen[name] = line
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"hi", "hin_Deva", "Kashmiri (Arabic)", "zh-Hant-TW", "\xff-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		code, ok := Canonical(name)
		if ok != (code != "") {
			t.Fatalf("Canonical(%q) = %q, %v", name, code, ok)
		}
		if again, ok2 := Canonical(string(code)); ok && (!ok2 || again != code) {
			t.Errorf("Canonical(%q) = %q, but Canonical of that is %q, %v", name, code, again, ok2)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	for _, name := range []string{"hi", "hin_Deva"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Canonical(name)
			}
		})
	}
}
