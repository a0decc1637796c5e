// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// repeated returns a JSON array of so many elements.
func repeated(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// bodies are ordinary requests.
var bodies = []struct {
	name string
	doc  []byte
}{
	{"translation 1 KB", []byte(`{"input":` + repeated(`{"source":"यह एक वाक्य है जिसका अनुवाद किया जाना है।"}`, 7) +
		`,"config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"},"serviceId":"nmt-demo"}}`)},
	{"translation from Python", []byte(`{"input":` + repeated(`{"source":"\u092f\u0939 \u090f\u0915 \u0935\u093e\u0915\u094d\u092f \u0939\u0948"}`, 8) +
		`,"config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"},"serviceId":"nmt-demo"}}`)},
	{"chat 20 KB", []byte(`{"model":"m","messages":` + repeated(`{"role":"user","content":"`+strings.Repeat("The quick brown fox jumps over the lazy dog. ", 40)+`"}`, 11) +
		`,"stream":true}`)},
	{"content parts", []byte(`{"messages":` + repeated(`{"role":"user","content":[{"type":"text","text":"What is the weather in Chennai?"}]}`, 20) + `}`)},
	{"audio 1 MB", []byte(`{"audio":[{"audioContent":"` + strings.Repeat("UklGRiQAAABXQVZF", 1<<16) +
		`"}],"config":{"language":{"sourceLanguage":"hi"},"audioFormat":"wav"}}`)},
}

// router is the places of a language router with a chat and a translation service.
func router(t testing.TB) *Reader {
	t.Helper()
	p := service
	p.LastUserMessage = true
	return mustCompile(t, p)
}

func TestJSONAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun forbids it
	r := router(t)
	f := Found{Text: make([]byte, 0, MaxText)}
	for _, b := range bodies {
		n := testing.AllocsPerRun(50, func() {
			if err := r.JSON(b.doc, &f); err != nil {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations, want none", b.name, n)
		}
		if len(f.Text)+len(f.Stated) == 0 {
			t.Errorf("%s: nothing was found", b.name)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	r := router(b)
	none := jsonpeek.NewNames()
	for _, body := range bodies {
		b.Run(body.name+"/validate", func(b *testing.B) {
			b.SetBytes(int64(len(body.doc)))
			for b.Loop() {
				if err := jsonpeek.Scan(body.doc, none, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(body.name+"/collect", func(b *testing.B) {
			f := Found{Text: make([]byte, 0, MaxText)}
			b.SetBytes(int64(len(body.doc)))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.JSON(body.doc, &f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLong reads bodies of 1 and 10 MB that are made to take long, the times of
// which show whether they grow with the length alone.
func BenchmarkLong(b *testing.B) {
	r := router(b)
	for _, c := range []struct{ name, before, element, after string }{
		{"text", `{"text":`, `"a"`, `}`},
		{"sources", `{"input":`, `{"source":""}`, `}`},
		{"messages", `{"messages":`, `{"role":"user","content":"a"}`, `}`},
		{"parts without text", `{"messages":[{"role":"user","content":`, `{}`, `}]}`},
		{"escapes", `{"prompt":`, `"\u0928\u0928\u0928\u0928"`, `}`},
	} {
		for _, megabytes := range []int{1, 10} {
			doc := []byte(c.before + repeated(c.element, megabytes<<20/(len(c.element)+1)) + c.after)
			b.Run(fmt.Sprintf("%s/%d MB", c.name, megabytes), func(b *testing.B) {
				f := Found{Text: make([]byte, 0, MaxText)}
				b.SetBytes(int64(len(doc)))
				b.ReportAllocs()
				for b.Loop() {
					if err := r.JSON(doc, &f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkForm(b *testing.B) {
	r := mustCompile(b, Places{Form: []string{"text", "prompt"}})
	multi, contentType := multiform(b, `form-data; name="file"; filename="a.wav"`+"\naudio/wav", strings.Repeat("\x00\x01\r\n", 1<<18),
		`form-data; name="prompt"`, "What is said here?")
	for _, c := range []struct{ name, body, contentType string }{
		{"urlencoded", "lang=hi&text=" + strings.Repeat("%e0%a4%a8%e0%a4%ae+", 100), urlencoded},
		{"urlencoded, 10 MB of nothing", strings.Repeat("a&", 5<<20), urlencoded},
		{"multipart with a file of 1 MB", multi, contentType},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := Found{Text: make([]byte, 0, MaxText)}
			body := []byte(c.body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Form(body, c.contentType, &f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
