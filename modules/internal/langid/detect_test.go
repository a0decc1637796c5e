// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// mustSet compiles a choice of languages.
func mustSet(t testing.TB, codes ...Code) *Set {
	t.Helper()
	s, err := NewSet(codes...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written are sentences composed for this test, a few for each language.
var written = []struct {
	label Code
	text  string
}{
	{"hi", "मेरा भाई कल शाम को बाज़ार से ताज़ी सब्ज़ियाँ लेकर आया था।"},
	{"hi", "क्या आप मुझे बता सकते हैं कि यह बस कहाँ जा रही है?"},
	{"mr", "आज सकाळी आम्ही बाजारात जाऊन भाजी आणि फळे विकत घेतली."},
	{"mr", "तुम्ही उद्या आमच्या घरी जेवायला येणार आहात का?"},
	{"ne", "म भोलि बिहान काठमाडौँ जाने बसको टिकट किन्न चाहन्छु।"},
	{"ne", "हाम्रो गाउँमा यस वर्ष धेरै पानी परेको छ।"},
	{"sa", "बालकः प्रतिदिनं विद्यालयं गच्छति तत्र च पुस्तकानि पठति।"},
	{"sa", "अहं ह्यः ग्रामम् अगच्छम्, तत्र मम मित्राणि निवसन्ति।"},
	{"mai", "हम काल्हि अपन गाम जा रहल छी, अहाँ सेहो चलू।"},
	{"kok", "हांव फाल्यां सकाळीं बाजारांत वतां आनी नुस्तें हाडटां."},
	{"bn", "আমরা কাল সকালে ট্রেনে করে কলকাতা যাব বলে ঠিক করেছি।"},
	{"bn", "তুমি কি আমাকে এক গ্লাস জল দিতে পারো?"},
	{"as", "মই কালি পুৱা গুৱাহাটীলৈ যাম আৰু তাত দুদিন থাকিম।"},
	{"as", "আপুনি আজি ৰাতি আমাৰ ঘৰলৈ আহিব পাৰিবনে?"},
	{"ur", "ہم کل صبح بازار جائیں گے اور بچوں کے لیے کپڑے خریدیں گے۔"},
	{"ur", "کیا آپ بتا سکتے ہیں کہ یہ گاڑی کہاں جا رہی ہے؟"},
	{"sd-Arab", "اسان سڀاڻي صبح جو ڳوٺ وينداسين ۽ اتي ٻه ڏينهن رهنداسين."},
	{"en", "We would like to know when the next train to the coast leaves."},
	{"en", "Please turn off the lights before you go home."},
	{"hi-Latn", "mujhe kal subah jaldi uthna hai kyunki meri train chhe baje hai"},
	{"hi-Latn", "kya aap bata sakte hain ki yeh bus kahan ja rahi hai"},
	{"gu", "અમે કાલે સવારે બજારમાં જઈશું."},
	{"pa", "ਅਸੀਂ ਕੱਲ੍ਹ ਸਵੇਰੇ ਬਾਜ਼ਾਰ ਜਾਵਾਂਗੇ।"},
	{"or", "ଆମେ କାଲି ସକାଳେ ବଜାରକୁ ଯିବୁ।"},
	{"ta", "நாங்கள் நாளை காலை சந்தைக்குப் போகிறோம்."},
	{"te", "మేము రేపు ఉదయం మార్కెట్\u200cకి వెళ్తాము."},
	{"kn", "ನಾವು ನಾಳೆ ಬೆಳಿಗ್ಗೆ ಮಾರುಕಟ್ಟೆಗೆ ಹೋಗುತ್ತೇವೆ."},
	{"ml", "ഞങ്ങൾ നാളെ രാവിലെ ചന്തയിൽ പോകും."},
	{"sat", "ᱟᱞᱮ ᱜᱟᱯᱟ ᱥᱮᱛᱟᱜ ᱦᱟᱴ ᱞᱮ ᱪᱟᱞᱟᱜᱼᱟ"},
	{"mni-Mtei", "ꯑꯩꯈꯣꯌ ꯍꯌꯦꯡ ꯀꯩꯊꯦꯜ ꯆꯠꯀꯅꯤ"},
	{Other, "Wir fahren morgen früh mit dem Zug nach Hamburg und bleiben dort zwei Tage."},
	{Other, "Nous voudrions savoir à quelle heure part le prochain train pour la côte."},
	{Other, "Завтра утром мы поедем на рынок."},
	{Other, "明日の朝、市場に行きます。"},
	{Other, "พรุ่งนี้เช้าเราจะไปตลาด"},
	{Other, "سنذهب غدا صباحا إلى السوق لشراء الخضروات والفواكه الطازجة."},
}

func TestIdentifyWritten(t *testing.T) {
	t.Parallel()
	set := mustSet(t)
	for _, tt := range written {
		t.Run(string(tt.label), func(t *testing.T) {
			t.Parallel()
			r := set.Identify([]byte(tt.text))
			if r.Language != tt.label || r.Known() && r.Confidence < 0.8 {
				t.Errorf("Identify(%q) = %+v, want %s with a confidence of 0.8 or more", tt.text, r, tt.label)
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		codes   []Code // all if empty
		text    string
		want    Result
		minimum float32
	}{
		{name: "empty", want: Result{Script: "Zyyy"}},
		{name: "digits", text: "12 345, 6.7 १२३", want: Result{Script: "Zyyy"}},
		{name: "emoji", text: "🎉🎉 👍", want: Result{Script: "Zyyy"}},
		{name: "invalid", text: "\xff\xfe\xe0\xa4\xe0\x80\x80", want: Result{Script: "Zyyy"}},
		{name: "marks of direction", text: "\u200f\u200e\u202b", want: Result{Script: "Zyyy"}},
		{name: "script decides", text: "வணக்கம்", want: Result{Language: "ta", Script: "Taml", Letters: 7, Source: ByScript}, minimum: 1},
		{name: "script is not served", codes: []Code{"hi"}, text: "வணக்கம்", want: Result{Language: Other, Script: "Taml", Letters: 7, Source: ByScript}, minimum: 1},
		{name: "group is not served", codes: []Code{"ta"}, text: "नमस्ते", want: Result{Language: Other, Script: "Deva", Letters: 6, Source: ByScript}, minimum: 1},
		{name: "restricted to one of a group", codes: []Code{"hi", "ta"}, text: "पानी चाहिए", want: Result{Language: "hi", Script: "Deva", Letters: 9, Source: ByModel}, minimum: 0.9},
		{name: "sibling is not served", codes: []Code{"hi", "ta"}, text: "तुम्ही उद्या आमच्या घरी जेवायला येणार आहात का?", want: Result{Language: Other, Script: "Deva", Letters: 38, Source: ByModel}, minimum: 0.9},
		{name: "both scripts of a language", codes: []Code{"mni"}, text: "ꯀꯩꯊꯦꯜ", want: Result{Language: "mni-Mtei", Script: "Mtei", Letters: 5, Source: ByScript}, minimum: 1},
		{name: "English in Hindi", text: "मुझे अपना password reset करना है लेकिन app में option नहीं मिल रहा", want: Result{Language: "hi", Script: "Deva", Letters: 32, Source: ByModel}, minimum: 0.8},
		{name: "other scripts", text: "привет", want: Result{Language: Other, Script: "Zzzz", Letters: 6, Source: ByScript}, minimum: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := mustSet(t, tt.codes...).Identify([]byte(tt.text))
			if got.Confidence < tt.minimum || got.Confidence > 1 || tt.want.Letters == 0 && got.Confidence != 0 {
				t.Errorf("confidence %v, want at least %v", got.Confidence, tt.minimum)
			}
			got.Confidence = 0
			if got != tt.want {
				t.Errorf("Identify(%q) = %+v, want %+v", tt.text, got, tt.want)
			}
		})
	}
}

// TestMixedScriptsAreDoubtful checks that half a text in another script halves, roughly,
// the confidence.
func TestMixedScriptsAreDoubtful(t *testing.T) {
	t.Parallel()
	r := mustSet(t).Identify([]byte("மேரேரேர మేరేరేర"))
	if r.Confidence < 0.5 || r.Confidence > 0.75 {
		t.Errorf("Identify() of text in two scripts = %+v, want a confidence of about 2/3", r)
	}
}

// TestIdentifyFolds checks that both of Unicode's forms of a letter, and the keyboards'
// several forms, count as one.
func TestIdentifyFolds(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, one, other string }{
		{"nukta", "ज़मीन पढ़ना", "ज\u093cमीन पढ\u093cना"},
		{"nukta in Bengali", "বা\u09dcি হ\u09df", "বা\u09a1\u09bcি হ\u09af\u09bc"},
		{"joiners", "विद्या", "विद्\u200dया"},
		{"Arabic yeh and kaf", "کیسی", "كيسي"},
		{"hamza", "آئے", "ا\u0653ی\u0654ے"},
		{"case", "Where Is It", "where is it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set := mustSet(t)
			one, other := set.Identify([]byte(tt.one)), set.Identify([]byte(tt.other))
			one.Letters, other.Letters = 0, 0
			if one != other {
				t.Errorf("Identify(%q) = %+v, Identify(%q) = %+v", tt.one, one, tt.other, other)
			}
		})
	}
}

// TestScoresAreTrainingFeatures checks that detection adds up the rows of the very
// buckets that training fills.
func TestScoresAreTrainingFeatures(t *testing.T) {
	t.Parallel()
	for g, m := range models {
		for _, tt := range written {
			ids := ngram.AppendIDs(nil, []byte(strings.Repeat(tt.text+" ", 9)), ngram.Group(g))
			if len(ids) == 0 {
				continue
			}
			var want [maxLanes]int32
			first := maxLanes - m.lanes
			for _, b := range ngram.Buckets(nil, ids, tableBits) {
				for i := range m.lanes {
					want[first+i] += int32(m.weights[int(b)*m.lanes+i])
				}
			}
			var got sums
			if m.lanes == maxLanes {
				got.addWide(m.weights, ids)
			} else {
				got.addNarrow(m.weights, ids)
			}
			if got.total != want {
				t.Errorf("group %d, %q: sums %v, want %v", g, tt.text, got.total, want)
			}
		}
	}
}

func TestTablesFit(t *testing.T) {
	t.Parallel()
	size := 0
	for _, m := range models {
		size += len(m.weights)
		if want := m.lanes << tableBits; len(m.weights) != want {
			t.Errorf("model of %v has %d bytes, want %d", m.labels, len(m.weights), want)
		}
		if len(m.labels) > m.lanes || m.lanes != maxLanes && m.lanes != narrowLanes {
			t.Errorf("model of %v has %d lanes", m.labels, m.lanes)
		}
	}
	if size > 2<<20 {
		t.Errorf("tables have %d bytes, want at most 2 MiB", size)
	}
}

func TestNewSetRefuses(t *testing.T) {
	t.Parallel()
	for _, code := range []Code{"fr", "hi-Arab", "", "other", "Hindi"} {
		if s, err := NewSet("hi", code); err == nil {
			t.Errorf("NewSet(%q) = %v, want an error", code, s.Labels())
		}
	}
}

func TestIdentifyDoesNotAllocate(t *testing.T) {
	set := mustSet(t)
	for _, tt := range written {
		text := []byte(strings.Repeat(tt.text, 20))
		if n := testing.AllocsPerRun(10, func() { set.Identify(text) }); n != 0 {
			t.Errorf("Identify() in %s allocates %v times", tt.label, n)
		}
	}
}

// TestLabelsAreCanonical checks that what Identify answers is named as everywhere.
func TestLabelsAreCanonical(t *testing.T) {
	t.Parallel()
	for _, label := range Labels() {
		if got, ok := languages.Canonical(string(label)); !ok || got != label {
			t.Errorf("Canonical(%q) = %q, %v, want it unchanged", label, got, ok)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	for _, tt := range written {
		f.Add([]byte(tt.text))
	}
	f.Add([]byte(strings.Repeat("क ", 2000)))
	f.Add([]byte(strings.Repeat("क़ئ ä", 500)))
	f.Add([]byte("\xe0\xa4"))
	sets := []*Set{mustSet(f), mustSet(f, "hi", "bn", "ur", "en"), mustSet(f, "ta")}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, set := range sets {
			r := set.Identify(text)
			if !(r.Confidence >= 0 && r.Confidence <= 1) || (r.Language == "") != (r.Source == "") || r.Known() && !slices.Contains(set.labels, r.Language) || r.Letters < 0 || r.Letters > maxLetters {
				t.Fatalf("Identify(%q) = %+v", text, r)
			}
			if r.Source == "" && utf8.Valid(text) && strings.ContainsAny(string(text[:min(len(text), 256)]), "abcअآ") {
				t.Errorf("Identify(%q) = %+v, want letters to be seen", text, r)
			}
		}
		for g := range ngram.Group(ngram.NumGroups) {
			if ids := ngram.AppendIDs(nil, text, g); len(ids) > ngram.MaxIDs {
				t.Fatalf("AppendIDs() has %d identifiers", len(ids))
			}
		}
	})
}
