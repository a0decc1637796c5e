// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import (
	"strings"
	"testing"
)

func BenchmarkIdentify(b *testing.B) {
	const hindi = "सरकार ने कहा है कि अगले साल से सभी गाँवों में साफ़ पानी और बिजली पहुँचाई जाएगी, जिससे लोगों का जीवन आसान होगा।"
	const english = "The council will decide next week whether the bridge over the river is to be repaired or replaced, and by whom."
	const urdu = "حکومت نے کہا ہے کہ اگلے سال سے تمام دیہات میں صاف پانی اور بجلی پہنچائی جائے گی، جس سے لوگوں کی زندگی آسان ہوگی۔"
	const tamil = "அடுத்த ஆண்டு முதல் அனைத்து கிராமங்களுக்கும் தூய்மையான குடிநீரும் மின்சாரமும் வழங்கப்படும் என்று அரசு கூறியுள்ளது."
	tests := []struct{ name, text string }{
		{"words/Hindi", "मुझे पानी चाहिए"},
		{"words/Bengali", "আমার জল চাই"},
		{"words/Urdu", "مجھے پانی چاہیے"},
		{"words/English", "I would like water"},
		{"words/Tamil", "எனக்கு தண்ணீர் வேண்டும்"},
		{"sentence/Hindi", hindi},
		{"sentence/Urdu", urdu},
		{"sentence/English", english},
		{"sentence/Tamil", tamil},
		{"megabyte/Hindi", strings.Repeat(hindi, 1<<20/len(hindi))},
		{"megabyte/Urdu", strings.Repeat(urdu, 1<<20/len(urdu))},
		{"megabyte/English", strings.Repeat(english, 1<<20/len(english))},
		{"megabyte/Digits", strings.Repeat("0123456789 ", 1<<20/11)},
		{"megabyte/Emoji", strings.Repeat("😀", 1<<20/4)},
		{"megabyte/Invalid", strings.Repeat("\xe0\xa4", 1<<19)},
		{"megabyte/HindiLettersApart", strings.Repeat("क ", 1<<18)},
	}
	set, err := NewSet()
	if err != nil {
		b.Fatal(err)
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			text := []byte(tt.text)
			b.ReportAllocs()
			for b.Loop() {
				set.Identify(text)
			}
		})
	}
}
