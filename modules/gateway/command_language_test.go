// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

func init() {
	caddy.RegisterModule(indianDetector{})
	caddy.RegisterModule(worldDetector{})
	caddy.RegisterModule(oddDetector{})
}

// demoIdentifier knows the languages whose codes texts begin with.
type demoIdentifier []languages.Code

func (d demoIdentifier) Identify(text []byte) languages.Result {
	first, rest, _ := strings.Cut(string(text), " ")
	switch {
	case strings.Trim(string(text), "0123456789 ") == "":
		return languages.Result{Script: "Zyyy"}
	case !slices.Contains(d, languages.Code(first)):
		return languages.Result{Language: "other", Script: "Latn", Confidence: 0.9, Letters: len(text), Source: "demo"}
	}
	return languages.Result{
		Language: languages.Code(first), Script: "Latn", Confidence: 0.5 + float32(min(len(rest), 4))/10, Letters: len(text), Source: "demo",
	}
}

// indianDetector knows Hindi and Tamil.
type indianDetector struct{}

func (indianDetector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.indian", New: func() caddy.Module { return new(indianDetector) }}
}

func (*indianDetector) Languages() []languages.Code { return []languages.Code{"hi", "ks-Arab", "ta"} }

func (*indianDetector) Among(codes ...languages.Code) (languages.Identifier, error) {
	if len(codes) == 0 {
		codes = []languages.Code{"hi", "ks-Arab", "ta"}
	}
	return demoIdentifier(codes), nil
}

// worldDetector knows German and French, once it is loaded.
type worldDetector struct{ provisioned bool }

func (worldDetector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.world", New: func() caddy.Module { return new(worldDetector) }}
}

func (w *worldDetector) Provision(caddy.Context) error {
	w.provisioned = true
	return nil
}

func (*worldDetector) Languages() []languages.Code { return []languages.Code{"de", "fr"} }

func (w *worldDetector) Among(codes ...languages.Code) (languages.Identifier, error) {
	if !w.provisioned {
		return nil, errors.New("not provisioned")
	}
	return &loadedIdentifier{demoIdentifier: demoIdentifier{"de", "fr"}}, nil
}

// loadedIdentifier says nothing before Load.
type loadedIdentifier struct {
	demoIdentifier
	loaded bool
}

func (l *loadedIdentifier) Load(context.Context) error {
	l.loaded = true
	return nil
}

func (l *loadedIdentifier) Identify(text []byte) languages.Result {
	if !l.loaded {
		return languages.Result{}
	}
	return l.demoIdentifier.Identify(text)
}

// oddDetector is in the namespace of detectors, but none.
type oddDetector struct{}

func (oddDetector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.odd", New: func() caddy.Module { return new(oddDetector) }}
}

func TestLanguageCommand(t *testing.T) {
	long := "hi " + strings.Repeat("x", 3<<20)
	tests := []struct {
		name, input string
		args        []string
		want        string
	}{
		{"text", "", []string{"hi word", "--format", "tsv"}, "hi\t0.9000\tLatn\tdemo\n"},
		{"text in words", "", []string{"hi", "word", "--format", "tsv"}, "hi\t0.9000\tLatn\tdemo\n"},
		{"empty text", "", []string{"", "--format", "tsv"}, "other\t0.0000\tZyyy\tnone\n"},
		{
			"lines", "ta word\n\n12\nde word\n",
			[]string{"--file", "-", "--format", "tsv"},
			"ta\t0.9000\tLatn\tdemo\nother\t0.0000\tZyyy\tnone\nother\t0.0000\tZyyy\tnone\nother\t0.9000\tLatn\tdemo\n",
		},
		{"last line without a break", "hi\nta", []string{"--file", "-", "--format", "tsv"}, "hi\t0.5000\tLatn\tdemo\nta\t0.5000\tLatn\tdemo\n"},
		{
			"breaks of Windows", "hi\r\n\r\nta\r\n",
			[]string{"--file", "-", "--format", "tsv"},
			"hi\t0.5000\tLatn\tdemo\nother\t0.0000\tZyyy\tnone\nta\t0.5000\tLatn\tdemo\n",
		},
		{"nothing", "", []string{"--file", "-", "--format", "tsv"}, ""},
		{"invalid UTF-8", "\xff\xfe\nhi\n", []string{"--file", "-", "--format", "tsv"}, "other\t0.9000\tLatn\tdemo\nhi\t0.5000\tLatn\tdemo\n"},
		{
			"megabytes", long + "\nta\n" + long,
			[]string{"--file", "-", "--format", "tsv"},
			"hi\t0.9000\tLatn\tdemo\nta\t0.5000\tLatn\tdemo\nhi\t0.9000\tLatn\tdemo\n",
		},
		{
			"threshold", "hi word\nhi\n",
			[]string{"--file", "-", "--format", "tsv", "--threshold", "0.6"},
			"hi\t0.9000\tLatn\tdemo\nother\t0.5000\tLatn\tdemo\n",
		},
		{
			"json", "ks-Arab word\n<12>\n",
			[]string{"--file", "-", "--format", "json"},
			`{"language":"ks-Arab","confidence":0.9,"script":"Latn","source":"demo","letters":12}` + "\n" +
				`{"language":"other","confidence":0.9,"script":"Latn","source":"demo","letters":4}` + "\n",
		},
		{
			"two detectors", "hi\nde\nes\n1\n",
			[]string{"--file", "-", "--format", "tsv", "--detector", "indian,world"},
			"hi\t0.5000\tLatn\tdemo\nde\t0.5000\tLatn\tdemo\nother\t0.9000\tLatn\tdemo\nother\t0.0000\tZyyy\tnone\n",
		},
		{
			"two detectors, repeated", "de\n",
			[]string{"--file", "-", "--format", "tsv", "--detector", "world", "--detector", "indian"},
			"de\t0.5000\tLatn\tdemo\n",
		},
		{
			"languages", "hi\nta\nde\n",
			[]string{"--file", "-", "--format", "tsv", "--languages", "Tamil"},
			"other\t0.9000\tLatn\tdemo\nta\t0.5000\tLatn\tdemo\nother\t0.9000\tLatn\tdemo\n",
		},
		{
			"languages of one detector", "hi\nde\n",
			[]string{"--file", "-", "--format", "tsv", "--languages", "deu,fr", "--detector", "indian,world"},
			"other\t0.9000\tLatn\tdemo\nde\t0.5000\tLatn\tdemo\n",
		},
		{
			"table", "",
			[]string{"hi wo\trd"},
			"LANGUAGE    SCRIPT  CONFIDENCE  DECIDED BY  TEXT\nhi          Latn        0.9000  demo        hi wo rd\n",
		},
		{
			"table of long text", "",
			[]string{"hi " + strings.Repeat("é", 100)},
			"LANGUAGE    SCRIPT  CONFIDENCE  DECIDED BY  TEXT\nhi          Latn        0.9000  demo        hi " + strings.Repeat("é", 45) + "…\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"language"}, tt.args...)
			if !slices.Contains(args, "--detector") {
				args = append(args, "--detector", "indian")
			}
			out, notes, err := command(t, tt.input, args...)
			if err != nil || notes != "" || out != tt.want {
				t.Errorf("prints %q, %s, %v\nwant %q", out, notes, err, tt.want)
			}
		})
	}
}

func TestLanguageCommandReadsFiles(t *testing.T) {
	texts := file(t, "texts", "hi\nta word\n")
	if out := run(t, "language", "--detector", "indian", "--file", texts, "--format", "tsv"); out != "hi\t0.5000\tLatn\tdemo\nta\t0.9000\tLatn\tdemo\n" {
		t.Errorf("prints %q", out)
	}
}

func TestLanguageCommandRefuses(t *testing.T) {
	tests := []struct {
		name  string
		args  []string
		fault string
	}{
		{"nothing", nil, "give a text"},
		{"text and file", []string{"hi", "--file", "-"}, "not both"},
		{"format", []string{"hi", "--format", "csv"}, "table, tsv, json"},
		{"threshold", []string{"hi", "--threshold", "80"}, "between 0 and 1"},
		{"threshold that is no number", []string{"hi", "--threshold", "NaN"}, "between 0 and 1"},
		{"missing file", []string{"--file", "no-such-file"}, "read text"},
		{"unknown detector", []string{"hi", "--detector", "crystal"}, "indian, odd, world"},
		{"no detector", []string{"hi", "--detector", ""}, "indian, odd, world"},
		{"module that is no detector", []string{"hi", "--detector", "odd"}, "is none"},
		{"unknown language", []string{"hi", "--languages", "klingon"}, `"klingon"`},
		{"language of no detector", []string{"hi", "--detector", "indian", "--languages", "hi,de"}, "names de"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"language"}, tt.args...)
			if !slices.Contains(args, "--detector") {
				args = append(args, "--detector", "indian")
			}
			out, _, err := command(t, "", args...)
			if err == nil || !strings.Contains(err.Error(), tt.fault) || out != "" {
				t.Errorf("prints %q, error %v, want one with %q", out, err, tt.fault)
			}
		})
	}
}

// TestLanguageCommandAnswersAtOnce checks that a line is answered before the next is
// there.
func TestLanguageCommandAnswersAtOnce(t *testing.T) {
	root := &cobra.Command{Use: "gateway", SilenceErrors: true, SilenceUsage: true}
	addCommands(root)
	texts, input := io.Pipe()
	output, answers := io.Pipe()
	root.SetIn(texts)
	root.SetOut(answers)
	root.SetArgs([]string{"language", "--file", "-", "--format", "tsv", "--detector", "indian"})
	ended := make(chan error, 1)
	go func() {
		ended <- root.Execute()
		answers.Close()
	}()
	for _, code := range []string{"hi", "ta"} {
		if _, err := io.WriteString(input, code+"\n"); err != nil {
			t.Fatal(err)
		}
		want := code + "\t0.5000\tLatn\tdemo\n"
		answer := make([]byte, len(want))
		if _, err := io.ReadFull(output, answer); err != nil || string(answer) != want {
			t.Fatalf("answer to %s is %q, %v", code, answer, err)
		}
	}
	input.Close()
	if rest, err := io.ReadAll(output); err != nil || len(rest) > 0 {
		t.Errorf("at the end it prints %q, %v", rest, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLanguageCommandSaysWhatFails(t *testing.T) {
	broken := errors.New("broken")
	root := &cobra.Command{Use: "gateway", SilenceErrors: true, SilenceUsage: true}
	addCommands(root)
	var out bytes.Buffer
	root.SetIn(io.MultiReader(strings.NewReader("hi\nta"), brokenStream{broken}))
	root.SetOut(&out)
	root.SetArgs([]string{"language", "--file", "-", "--format", "tsv", "--detector", "indian"})
	if err := root.Execute(); !errors.Is(err, broken) || out.String() != "hi\t0.5000\tLatn\tdemo\n" {
		t.Errorf("prints %q, error %v", out.String(), err)
	}
	root.SetIn(strings.NewReader("hi\n"))
	root.SetOut(brokenStream{broken})
	if err := root.Execute(); !errors.Is(err, broken) {
		t.Errorf("error is %v where nothing can be printed", err)
	}
}

// brokenStream can neither be read nor written.
type brokenStream struct{ err error }

func (f brokenStream) Read([]byte) (int, error)  { return 0, f.err }
func (f brokenStream) Write([]byte) (int, error) { return 0, f.err }
