// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// answers is an identifier that says always the same.
type answers languages.Result

func (a answers) Identify([]byte) languages.Result { return languages.Result(a) }

// text is the text of a request, and counts how often it is asked for.
type text struct {
	missing string
	err     error
	asked   int
}

func (x *text) Text() ([]byte, string, error) {
	x.asked++
	return []byte("text"), x.missing, x.err
}

var (
	byModel = answers{Language: "hi", Script: "Deva", Confidence: 0.97, Letters: 20, Source: "model"}
	unsure  = answers{Language: "mr", Script: "Deva", Confidence: 0.5, Letters: 20, Source: "model"}
	latin   = answers{Language: "en", Script: "Latn", Confidence: 0.6, Letters: 20, Source: "model"}
	short   = answers{Language: "hi", Script: "Deva", Confidence: 0.97, Letters: 3, Source: "model"}
	alone   = answers{Language: "ta", Script: "Taml", Confidence: 1, Letters: 1, Source: "script"}
	foreign = answers{Language: languages.Other, Script: "Latn", Confidence: 0.9, Letters: 30, Source: "model"}
	maybe   = answers{Language: languages.Other, Script: "Latn", Confidence: 0.6, Letters: 30, Source: "model"}
	sindhi  = answers{Language: "sd-Deva", Script: "Deva", Confidence: 0.9, Letters: 30, Source: "model"}
	french  = answers{Language: "fr", Script: "Latn", Confidence: 0.99, Letters: 30, Source: "lingua"}
	digits  = answers{Script: "Zyyy"}
	loading = answers{Script: "Latn", Letters: 30}
	marks   = answers{Script: "Deva"}

	cyrillic = answers{Language: languages.Other, Script: "Zzzz", Confidence: 1, Letters: 9, Source: "script"}
)

func TestDecide(t *testing.T) {
	t.Parallel()
	stated := func(d Decision) Decision { d.Confidence = 1; return d }
	fell := func(reason, script string) Decision {
		return Decision{Code: "en", Script: script, Source: "fallback", Reason: reason}
	}
	tests := []struct {
		name    string
		list    string
		o       Options
		ids     []answers
		missing string // why there is no text
		q       Request
		want    Decision
		unread  bool // the text must not be asked for
	}{
		{name: "body first", q: Request{Body: "hi", Query: "ta", Header: "te"}, want: stated(Decision{Code: "hi", Source: "body"}), unread: true},
		{name: "query second", q: Request{Query: "ta", Header: "te"}, want: stated(Decision{Code: "ta", Source: "query"}), unread: true},
		{name: "header third", q: Request{Header: "te"}, want: stated(Decision{Code: "te", Source: "header"}), unread: true},
		{name: "any form", q: Request{Body: "tam_Taml"}, want: stated(Decision{Code: "ta", Source: "body"}), unread: true},
		{name: "blank is not stated", q: Request{Body: " ", Query: "\t", Header: "te"}, want: stated(Decision{Code: "te", Source: "header"}), unread: true},
		{name: "by the text", ids: []answers{byModel}, want: Decision{"hi", "", "Deva", 0.97, "model", ""}},
		{name: "auto", ids: []answers{byModel}, q: Request{Body: "auto", Query: "ta"}, want: Decision{"hi", "", "Deva", 0.97, "model", ""}},
		{name: "und", ids: []answers{byModel}, q: Request{Header: "UND"}, want: Decision{"hi", "", "Deva", 0.97, "model", ""}},
		{name: "nothing", missing: ReasonNoText, want: fell("no_text", "")},
		{name: "malformed", missing: ReasonInvalidBody, want: fell("invalid_body", "")},
		{name: "too large", missing: ReasonTooLarge, want: fell("too_large", "")},
		{name: "only digits", ids: []answers{digits}, want: fell("no_text", "Zyyy")},
		{name: "only marks", ids: []answers{marks}, want: fell("no_text", "Deva")},
		{name: "too short", ids: []answers{short}, want: fell("too_short", "Deva")},
		{name: "one letter of a script alone", ids: []answers{alone}, want: Decision{"ta", "", "Taml", 1, "script", ""}},
		{name: "unsure", ids: []answers{unsure}, want: fell("low_confidence", "Deva")},
		{name: "unsure, with less to ask", o: Options{Confidence: 0.4}, ids: []answers{unsure}, want: Decision{"mr", "", "Deva", 0.5, "model", ""}},
		{name: "another language", ids: []answers{foreign}, want: fell("other", "Latn")},
		{name: "the next detector", ids: []answers{foreign, french}, want: Decision{"fr", "", "Latn", 0.99, "lingua", ""}},
		{name: "the next detector when the first says nothing", ids: []answers{digits, french}, want: Decision{"fr", "", "Latn", 0.99, "lingua", ""}},
		{name: "no next detector when the first knows", ids: []answers{unsure, french}, want: fell("low_confidence", "Deva")},
		{name: "no detector knows", ids: []answers{foreign, maybe}, want: fell("other", "Latn")},
		{name: "the next detector is not ready", ids: []answers{foreign, {}}, want: fell("not_ready", "Latn")},
		{name: "the next detector knows the script", ids: []answers{cyrillic, {Script: "Cyrl", Letters: 9}}, want: fell("not_ready", "Cyrl")},
		{name: "a detector is not ready", ids: []answers{loading}, want: fell("not_ready", "Latn")},
		{name: "no detector", want: fell("no_text", "")},
		{name: "unknown, identified", ids: []answers{byModel}, q: Request{Body: "klingon"}, want: Decision{"hi", "", "Deva", 0.97, "model", ""}},
		{name: "unknown, nothing to identify", missing: ReasonNoText, q: Request{Body: "klingon"}, want: fell("not_served", "")},
		{name: "unknown, fallback", o: Options{Unserved: UnservedFallback}, ids: []answers{byModel}, q: Request{Body: "klingon"}, want: fell("not_served", ""), unread: true},
		{name: "not served", list: "hi en", ids: []answers{byModel}, q: Request{Query: "te"}, want: Decision{"hi", "", "Deva", 0.97, "model", ""}},
		{name: "a script goes by the language", list: "sd en", ids: []answers{sindhi}, want: Decision{"sd", "", "Deva", 0.9, "model", ""}},
		{name: "a script without a list", ids: []answers{sindhi}, want: Decision{"sd-Deva", "", "Deva", 0.9, "model", ""}},
		{name: "no invented codes", q: Request{Body: "te-Abcd", Target: "hi-Wxyz"}, want: stated(Decision{Code: "te", Target: "hi", Source: "body"}), unread: true},
		{name: "a language with one script", list: "ks-Arab en", q: Request{Body: "ks"}, want: stated(Decision{Code: "ks-Arab", Source: "body"}), unread: true},
		{name: "a language with two scripts", list: "ks-Arab ks-Deva en", ids: []answers{digits}, q: Request{Body: "ks"}, want: fell("not_served", "Zyyy")},
		{name: "pair", list: "hi>ta en", q: Request{Body: "hi", Target: "Tamil"}, want: stated(Decision{Code: "hi", Target: "ta", Source: "body"}), unread: true},
		{name: "pair, identified", list: "hi>ta en", ids: []answers{byModel}, q: Request{Target: "ta"}, want: Decision{"hi", "ta", "Deva", 0.97, "model", ""}},
		{
			name: "pair that is not served", list: "hi>ta en", ids: []answers{byModel}, q: Request{Target: "te"},
			want: Decision{Code: "en", Target: "te", Script: "Deva", Source: "fallback", Reason: "not_served"},
		},
		{name: "pair without its target", list: "hi>ta en", ids: []answers{byModel}, want: fell("not_served", "Deva")},
		{name: "unknown target", list: "hi en", q: Request{Body: "hi", Target: "klingon"}, want: stated(Decision{Code: "hi", Source: "body"}), unread: true},
		{
			name: "tie-break", ids: []answers{unsure}, q: Request{AcceptLanguage: []string{"en, hi;q=0.9, mr;q=0.8"}},
			want: Decision{"hi", "", "Deva", 0, "accept_language", "low_confidence"},
		},
		{
			name: "tie-break for the one that was found", ids: []answers{unsure}, q: Request{AcceptLanguage: []string{"mr"}},
			want: Decision{"mr", "", "Deva", 0.5, "accept_language", "low_confidence"},
		},
		{
			name: "tie-break of a short text", ids: []answers{short}, q: Request{AcceptLanguage: []string{"ne-NP"}},
			want: Decision{"ne", "", "Deva", 0, "accept_language", "too_short"},
		},
		{
			name: "tie-break for what may be another", ids: []answers{maybe}, q: Request{AcceptLanguage: []string{"de"}},
			want: Decision{"de", "", "Latn", 0, "accept_language", "other"},
		},
		{
			name: "tie-break for a script of its own", ids: []answers{latin}, q: Request{AcceptLanguage: []string{"hi-IN, en;q=0.5"}},
			want: Decision{"hi-Latn", "", "Latn", 0, "accept_language", "low_confidence"},
		},
		{
			name: "tie-break among those served", list: "hi mr en", ids: []answers{unsure}, q: Request{AcceptLanguage: []string{"ne, mr;q=0.1"}},
			want: Decision{"mr", "", "Deva", 0.5, "accept_language", "low_confidence"},
		},
		{name: "no tie without text", missing: ReasonNoText, q: Request{AcceptLanguage: []string{"hi"}}, want: fell("no_text", "")},
		{name: "no tie in another script", ids: []answers{unsure}, q: Request{AcceptLanguage: []string{"ta"}}, want: fell("low_confidence", "Deva")},
		{name: "no tie where another is certain", ids: []answers{foreign}, q: Request{AcceptLanguage: []string{"en"}}, want: fell("other", "Latn")},
		{name: "no tie where the text decides", ids: []answers{byModel}, q: Request{AcceptLanguage: []string{"mr"}}, want: Decision{"hi", "", "Deva", 0.97, "model", ""}},
		{
			name: "always", o: Options{AcceptLanguage: AcceptAlways}, missing: ReasonNoText, q: Request{AcceptLanguage: []string{"ta, hi;q=0.2"}},
			want: Decision{"ta", "", "", 0, "accept_language", "no_text"},
		},
		{
			name: "always, the script first", o: Options{AcceptLanguage: AcceptAlways}, ids: []answers{unsure}, q: Request{AcceptLanguage: []string{"ta, hi;q=0.2"}},
			want: Decision{"hi", "", "Deva", 0, "accept_language", "low_confidence"},
		},
		{name: "off", o: Options{AcceptLanguage: AcceptOff}, ids: []answers{unsure}, q: Request{AcceptLanguage: []string{"hi"}}, want: fell("low_confidence", "Deva")},
		{name: "stated but not served beats the header", o: Options{AcceptLanguage: AcceptAlways, Unserved: UnservedFallback}, q: Request{Body: "xx", AcceptLanguage: []string{"hi"}}, want: fell("not_served", ""), unread: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decider(t, tt.list, tt.o, tt.ids)
			x := &text{missing: tt.missing}
			tt.q.Text = x
			got, err := d.Decide(&tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if tt.unread != (x.asked == 0) {
				t.Errorf("the text was asked for %d times", x.asked)
			}
		})
	}
}

// decider is one with the defaults of the handler, and English as the fallback.
func decider(t testing.TB, list string, o Options, ids []answers) *Decider {
	t.Helper()
	o.Served, o.Fallback, o.MinLetters = served(t, list), "en", 4
	if o.Confidence == 0 {
		o.Confidence = 0.8
	}
	for _, id := range ids {
		o.Identifiers = append(o.Identifiers, id)
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecideRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ list, stated, target, want string }{
		{"hi ta en", "te", "", `the language "te" is not served; served are: hi, ta, en`},
		{"hi ta en", "klingon", "", `the language "klingon" is not served; served are: hi, ta, en`},
		{"hi>ta en", "hi", "te", `the language "hi>te" is not served; served are: hi>ta, en`},
		{"", "klingon", "", `"klingon" is no language that is known`},
		{"", strings.Repeat("é", 80), "", `"` + strings.Repeat("é", 32) + `..." is no language that is known`},
	}
	for _, tt := range tests {
		d := decider(t, tt.list, Options{Unserved: UnservedReject}, nil)
		_, err := d.Decide(&Request{Query: tt.stated, Target: tt.target})
		if _, ok := errors.AsType[*NotServedError](err); !ok || err.Error() != tt.want {
			t.Errorf("%q of %q: %v, want %s", tt.stated, tt.list, err, tt.want)
		}
		if _, err := d.Decide(&Request{Query: "auto"}); err != nil {
			t.Errorf("a request for identification is refused: %v", err)
		}
	}
	broken := errors.New("broke off")
	if _, err := decider(t, "", Options{}, nil).Decide(&Request{Text: &text{err: broken}}); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the text", err)
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	tests := []struct {
		list, fallback languages.Code
		want           string // the language, or the beginning of an error
	}{
		{"", "fr", "fr"},
		{"hi en", "en", "en"},
		{"hi en", "", ""},
		{"hi>ta", "hi", "hi"},
		{"*>ta", "te", "te"},
		{"sd", "sd-Deva", "sd"},
		{"hi ta", "en", "the fallback en is not among the languages that are served (hi, ta)"},
		{"hi>ta", "ta", "the fallback ta is not among the languages"},
	}
	for _, tt := range tests {
		d, err := New(Options{Served: served(t, string(tt.list)), Fallback: tt.fallback})
		if err != nil {
			if tt.want == "" || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%q, fallback %s: %v, want %s", tt.list, tt.fallback, err, tt.want)
			}
			continue
		}
		if dec, err := d.Decide(new(Request)); err != nil || string(dec.Code) != tt.want || dec.Source != SourceFallback {
			t.Errorf("%q, fallback %s: %+v, %v, want %s", tt.list, tt.fallback, dec, err, tt.want)
		}
	}
}

// FuzzDecide checks, for whatever a client may say, that the codes of decisions
// are from a set that the configuration and the list of languages bound.
func FuzzDecide(f *testing.F) {
	f.Add("hi", "", "", "ta", "hi;q=0.5, *")
	f.Add("auto", "te-Latn", "\xff", "en-x-hi", "ks,ks-Deva;q=1.0")
	f.Add("", "sd_Deva", "zh-Hant-TW", "mni>ta", ",;q=,=;")
	f.Fuzz(func(t *testing.T, body, query, header, target, accept string) {
		for _, list := range []string{"", "hi ta>hi sd *>en en", "ks-Arab ks-Deva en"} {
			for _, unserved := range []Unserved{UnservedIdentify, UnservedFallback, UnservedReject} {
				d := decider(t, list, Options{Unserved: unserved, AcceptLanguage: AcceptAlways}, []answers{unsure})
				dec, err := d.Decide(&Request{
					Body: body, Query: query, Header: header, Target: target, AcceptLanguage: []string{accept}, Text: new(text),
				})
				if _, ok := errors.AsType[*NotServedError](err); ok && unserved == UnservedReject {
					continue
				}
				if err != nil || dec.Source == "" || dec.Code == "" {
					t.Fatalf("%+v, %v", dec, err)
				}
				for _, code := range []languages.Code{dec.Code, dec.Target} {
					if d.Served.narrow(code) != code {
						t.Errorf("a client makes the code %q", code)
					}
				}
				if _, _, ok := d.Served.Find(dec.Code, dec.Target); !ok && dec.Source != SourceFallback {
					t.Errorf("%+v is not served by %q", dec, list)
				}
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	d := decider(b, "hi ta te en", Options{}, []answers{byModel})
	for name, q := range map[string]*Request{
		"stated":     {Body: "hi-IN"},
		"identified": {Text: new(text)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decide(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
