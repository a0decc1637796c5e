// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/abadojack/whatlanggo"
	"github.com/pemistahl/lingua-go"

	"github.com/caddyserver/caddy/v2"

	_ "github.com/caddy-gateway/tollgate/modules"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// sentences are one each in Hindi, Marathi, Tamil, Bengali, Urdu and English.
var sentences = []string{
	"सरकार ने कहा है कि अगले साल से सभी गाँवों में साफ़ पानी और बिजली पहुँचाई जाएगी।",
	"पुढच्या आठवड्यात नदीवरचा पूल दुरुस्त करायचा की नवीन बांधायचा हे ठरवले जाईल.",
	"அடுத்த ஆண்டு முதல் அனைத்து கிராமங்களுக்கும் தூய்மையான குடிநீர் வழங்கப்படும்.",
	"আগামী সপ্তাহে ঠিক হবে সেতুটি মেরামত করা হবে, নাকি নতুন করে তৈরি করা হবে।",
	"حکومت نے کہا ہے کہ اگلے سال سے تمام دیہات میں صاف پانی اور بجلی پہنچائی جائے گی۔",
	"The council will decide next week whether the bridge over the river is to be repaired or replaced.",
}

// lengths are the texts of the benchmark: the first three words of each sentence, the
// sentence, and five times the sentence.
func lengths() map[string][]string {
	texts := make(map[string][]string)
	for _, s := range sentences {
		texts["three words"] = append(texts["three words"], strings.Join(strings.Fields(s)[:3], " "))
		texts["sentence"] = append(texts["sentence"], s)
		texts["paragraph"] = append(texts["paragraph"], strings.Repeat(s+" ", 5))
	}
	return texts
}

// BenchmarkIdentify compares the gateway's own detector with lingua-go, choosing among
// nine languages and among all of its 75, and with whatlanggo. Each operation is one of
// the texts.
func BenchmarkIdentify(b *testing.B) {
	own := sync.OnceValue(func() func(string) { return ownDetector(b) })
	nine := sync.OnceValue(func() lingua.LanguageDetector {
		return lingua.NewLanguageDetectorBuilder().FromLanguages(lingua.English, lingua.Hindi, lingua.Marathi, lingua.Tamil,
			lingua.Telugu, lingua.Bengali, lingua.Gujarati, lingua.Punjabi, lingua.Urdu).WithPreloadedLanguageModels().Build()
	})
	all := sync.OnceValue(func() lingua.LanguageDetector {
		return lingua.NewLanguageDetectorBuilder().FromAllLanguages().WithPreloadedLanguageModels().Build()
	})
	identifiers := []struct {
		name  string
		setUp func() func(string)
	}{
		{"script", own},
		{"whatlanggo", func() func(string) { return func(text string) { whatlanggo.Detect(text) } }},
		{"lingua-go/nine", func() func(string) { return func(text string) { nine().DetectLanguageOf(text) } }},
		{"lingua-go/all", func() func(string) { return func(text string) { all().DetectLanguageOf(text) } }},
	}
	for _, length := range []string{"three words", "sentence", "paragraph"} {
		texts := lengths()[length]
		for _, identifier := range identifiers {
			b.Run(length+"/"+identifier.name, func(b *testing.B) {
				identify := identifier.setUp()
				identify(texts[0])
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					identify(texts[i%len(texts)])
					i++
				}
			})
		}
	}
}

// ownDetector returns the gateway's detector, as any program finds it.
func ownDetector(b *testing.B) func(string) {
	b.Helper()
	info, err := caddy.GetModule("gateway.language_detectors.script")
	if err != nil {
		b.Fatal(err)
	}
	identifier, err := info.New().(languages.Detector).Among()
	if err != nil {
		b.Fatal(err)
	}
	var buffer []byte
	return func(text string) {
		buffer = append(buffer[:0], text...)
		identifier.Identify(buffer)
	}
}
