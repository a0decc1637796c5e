// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pemistahl/lingua-go"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// value is what a fakeScorer says of a language.
type value struct {
	language lingua.Language
	share    float64
}

func (v value) Language() lingua.Language { return v.language }
func (v value) Value() float64            { return v.share }

// fakeScorer answers with the same values for every text. If entered is set, it tells
// of each text and waits for leave to answer.
type fakeScorer struct {
	values         []lingua.ConfidenceValue
	entered, leave chan struct{}
}

func (f *fakeScorer) ComputeLanguageConfidenceValues(string) []lingua.ConfidenceValue {
	if f.entered != nil {
		f.entered <- struct{}{}
		<-f.leave
	}
	return f.values
}

// unidentified is what "Guten Tag" is without an answer.
var unidentified = languages.Result{Script: "Latn", Letters: 8}

// fake returns an identifier of German and French that loads a scorer of the test's.
func fake(load func() scorer) *identifier {
	d := newIdentifier([]languages.Code{"de", "fr"}, false, 0.1)
	d.models = newModels(load)
	d.turns = &turns{taken: make(chan struct{}, 1)}
	return d
}

// ready is fake with a scorer that is loaded.
func ready(t *testing.T, values ...lingua.ConfidenceValue) *identifier {
	t.Helper()
	d := fake(func() scorer { return &fakeScorer{values: values} })
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		values     []lingua.ConfidenceValue
		want       languages.Code
		confidence float32
	}{
		{"clear", []lingua.ConfidenceValue{value{lingua.German, 0.75}, value{lingua.French, 0.25}}, "de", 0.9},
		{"certain", []lingua.ConfidenceValue{value{lingua.French, 1}, value{lingua.German, 0}}, "fr", 1},
		{"too near", []lingua.ConfidenceValue{value{lingua.French, 0.51}, value{lingua.German, 0.49}}, "other", 0.48},
		{"a tie", []lingua.ConfidenceValue{value{lingua.French, 0.5}, value{lingua.German, 0.5}}, "other", 0},
		{"nothing known", []lingua.ConfidenceValue{value{lingua.French, 0}, value{lingua.German, 0}}, "other", 0},
		{"only a contrast", []lingua.ConfidenceValue{value{lingua.English, 0.75}, value{lingua.German, 0.25}}, "other", 0.9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := ready(t, tt.values...).Identify([]byte("letters"))
			if r.Language != tt.want || r.Source != "lingua" || r.Script != "Latn" || r.Letters != 7 {
				t.Errorf("result is %+v, want %s", r, tt.want)
			}
			if d := r.Confidence - tt.confidence; d < -0.001 || d > 0.001 {
				t.Errorf("confidence is %v, want %v", r.Confidence, tt.confidence)
			}
		})
	}
}

func TestIdentifyWithoutModels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       languages.Result
	}{
		{"no letters", "123", languages.Result{Script: "Zyyy"}},
		{"script of none of the languages", "Привет", languages.Result{Language: "other", Script: "Cyrl", Letters: 6, Confidence: 1, Source: "lingua"}},
		{"unknown script", "ನೀರು", languages.Result{Language: "other", Script: "Zzzz", Letters: 2, Confidence: 1, Source: "lingua"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := fake(func() scorer {
				t.Error("models are loaded")
				return &fakeScorer{}
			})
			if r := d.Identify([]byte(tt.text)); r != tt.want {
				t.Errorf("result is %+v, want %+v", r, tt.want)
			}
		})
	}
}

func TestLoadsOnceInTheBackground(t *testing.T) {
	t.Parallel()
	var loads atomic.Int32
	loading, loaded := make(chan struct{}), make(chan struct{})
	d := fake(func() scorer {
		loads.Add(1)
		close(loading)
		<-loaded
		return &fakeScorer{values: []lingua.ConfidenceValue{value{lingua.German, 1}, value{lingua.French, 0}}}
	})
	for range 3 {
		if r := d.Identify([]byte("Guten Tag")); r != unidentified {
			t.Fatalf("result is %+v while models are loaded, want none", r)
		}
	}
	<-loading
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Load(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("a load that nobody waits for: %v", err)
	}
	close(loaded)
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			if err := d.Load(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait()
	if r := d.Identify([]byte("Guten Tag")); r.Language != "de" {
		t.Errorf("result is %+v when models are loaded, want German", r)
	}
	if n := loads.Load(); n != 1 {
		t.Errorf("models are loaded %d times", n)
	}
}

func TestTurnsAreBounded(t *testing.T) {
	t.Parallel()
	s := &fakeScorer{
		values:  []lingua.ConfidenceValue{value{lingua.German, 1}, value{lingua.French, 0}},
		entered: make(chan struct{}), leave: make(chan struct{}),
	}
	d := fake(func() scorer { return s })
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := make(chan languages.Result)
	go func() { first <- d.Identify([]byte("Guten Tag")) }()
	<-s.entered
	if r := d.Identify([]byte("Guten Tag")); r != unidentified {
		t.Errorf("result is %+v without a turn, want none", r)
	}
	d.turns.wait = time.Minute
	second := make(chan languages.Result)
	go func() { second <- d.Identify([]byte("Guten Tag")) }()
	s.leave <- struct{}{}
	if r := <-first; r.Language != "de" {
		t.Errorf("the first is %+v", r)
	}
	<-s.entered
	s.leave <- struct{}{}
	if r := <-second; r.Language != "de" {
		t.Errorf("the second is %+v", r)
	}
}

func TestModelsAreShared(t *testing.T) {
	t.Parallel()
	among := func(low bool, codes ...languages.Code) *models {
		t.Helper()
		i, err := (&Detector{LowAccuracy: low}).Among(codes...)
		if err != nil {
			t.Fatal(err)
		}
		return i.(*identifier).models
	}
	if among(false, "sv", "nl") != among(false, "nl", "sv", "nl") {
		t.Error("the same languages have different models")
	}
	if among(false, "sv", "nl") == among(true, "sv", "nl") || among(false, "sv", "nl") == among(false, "sv", "it") {
		t.Error("different choices have the same models")
	}
}

// TestLingua loads real models: of German and, for the contrast, English at low
// accuracy, and those of two languages with scripts of their own.
func TestLingua(t *testing.T) {
	t.Parallel()
	i, err := (&Detector{LowAccuracy: true}).Among("de", "ta", "th")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.(languages.Loader).Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		want       languages.Code
	}{
		{"German", "Der Rat entscheidet nächste Woche, ob die Brücke erneuert wird.", "de"},
		{"English", "The council will decide next week whether the bridge is to be replaced.", "other"},
		{"Tamil", "எனக்கு தண்ணீர் வேண்டும்", "ta"},
		{"Thai", "ฉันอยากดื่มน้ำ", "th"},
		{"Russian", "Совет решит на следующей неделе", "other"},
	}
	var all sync.WaitGroup
	for _, tt := range tests {
		for range 4 {
			all.Go(func() {
				if r := i.Identify([]byte(tt.text)); r.Language != tt.want || r.Confidence < 0.8 {
					t.Errorf("%s is %+v, want %s", tt.name, r, tt.want)
				}
			})
		}
	}
	all.Wait()
}

// TestLinguaTakesAnything gives lingua-go what no text should hold.
func TestLinguaTakesAnything(t *testing.T) {
	t.Parallel()
	i, err := (&Detector{LowAccuracy: true}).Among("de", "sw")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.(languages.Loader).Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", "İ", "ß", "ﬁ", "a\x00b", "ſ", "\xffA", "ab " + "\u200f" + "cd", "ǅ"} {
		if r := i.Identify([]byte(text)); r.Script != "Latn" || r.Language == "" {
			t.Errorf("%q is %+v", text, r)
		}
	}
}
