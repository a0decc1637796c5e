// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
)

const urlencoded = "application/x-www-form-urlencoded"

// multiform returns a multipart form, and its content type, of headers and bodies that
// take turns. A header is the Content-Disposition, and after a line feed the
// Content-Type.
func multiform(t testing.TB, parts ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		disposition, media, typed := strings.Cut(parts[i], "\n")
		header := textproto.MIMEHeader{"Content-Disposition": {disposition}}
		if typed {
			header.Set("Content-Type", media)
		}
		part, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(parts[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestFormURLEncoded(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{Form: []string{"text", "prompt", "text", "größe"}, Stated: []string{"lang"}})
	long := strings.Repeat("न", MaxText)
	for _, c := range []struct{ name, body, want string }{
		{"one field", "text=hello+world&lang=en", "hello world"},
		{"order of configuration", "prompt=p&x=y&text=t", "t\np"},
		{"several times", "text=a&prompt=p&text=b", "a\nb\np"},
		{"escapes", "text=" + url.QueryEscape("नमस्ते & = + %"), "नमस्ते & = + %"},
		{"escaped name", "t%65xt=a", "a"},
		{"name beyond ASCII", url.QueryEscape("größe") + "=a", "a"},
		{"small hexadecimal digits", "text=%c3%a9", "é"},
		{"no value", "text", ""},
		{"equals sign in a value", "text=a=b", "a=b"},
		{"empty values", "text=&text=a&text=", "a"},
		{"other names", "Text=a&textx=b&=c&&" + strings.Repeat("n", 2*maxName) + "=d", ""},
		{"nothing", "", ""},
		{"long", "text=" + url.QueryEscape(long), long[:MaxText/3*3]},
		{"long, then more", "text=" + strings.Repeat("x", MaxText-1) + "é&prompt=p", strings.Repeat("x", MaxText-1)},
		{"exactly full", "text=" + strings.Repeat("x", MaxText), strings.Repeat("x", MaxText)},
		{"not UTF-8", "text=%ff%fe", "\xff\xfe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := Found{Stated: []byte("old"), Text: []byte("old")}
			if err := r.Form([]byte(c.body), urlencoded+"; charset=UTF-8", &f); err != nil {
				t.Fatal(err)
			}
			if string(f.Text) != c.want || len(f.Stated) > 0 {
				t.Errorf("got %q and %q, want %q", f.Text, f.Stated, c.want)
			}
		})
	}
}

func TestFormMultipart(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{Form: []string{"text", "prompt"}})
	const text, prompt = `form-data; name="text"`, `form-data; name="prompt"`
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"one field", []string{text, "नमस्ते", `form-data; name="lang"`, "hi"}, "नमस्ते"},
		{"order of configuration", []string{prompt, "p", text, "a", text, "b"}, "a\nb\np"},
		{"beside a file", []string{`form-data; name="file"; filename="a.wav"` + "\naudio/wav", strings.Repeat("\x00\r\n--", 50_000), prompt, "p"}, "p"},
		{"file of that name", []string{`form-data; name="text"; filename="a.txt"` + "\ntext/plain", "no"}, ""},
		{"text by its type", []string{text + "\ntext/plain; charset=utf-8", "a"}, "a"},
		{"another type", []string{text + "\napplication/octet-stream", "no"}, ""},
		{"bad type", []string{text + "\n/;", "no"}, ""},
		{"empty", []string{text, "", prompt, "p"}, "p"},
		{"no name", []string{`form-data`, "no"}, ""},
		{"long", []string{text, strings.Repeat("é", MaxText)}, strings.Repeat("é", MaxText/2)},
		{"no parts", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body, contentType := multiform(t, c.parts...)
			var f Found
			if err := r.Form([]byte(body), contentType, &f); err != nil {
				t.Fatal(err)
			}
			if string(f.Text) != c.want {
				t.Errorf("got %q, want %q", f.Text, c.want)
			}
		})
	}
}

func TestFormRefuses(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{Form: []string{"text"}})
	const part = "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na\r\n"
	for _, c := range []struct{ name, body, contentType string }{
		{"cut escape", "text=a&x=%4", urlencoded},
		{"bad escape", "text=a&x=%zz", urlencoded},
		{"bad escape in a name", "text=a&%=x", urlencoded},
		{"no content type", "text=a", ""},
		{"another content type", "text=a", "text/plain"},
		{"another multipart", part + "--b--\r\n", "multipart/mixed; boundary=b"},
		{"no boundary", part + "--b--\r\n", "multipart/form-data"},
		{"another boundary", part + "--b--\r\n", "multipart/form-data; boundary=c"},
		{"no end", part, "multipart/form-data; boundary=b"},
		{"cut in a part", strings.TrimSuffix(part, "\r\n"), "multipart/form-data; boundary=b"},
		{"cut in a header", part + "--b\r\nContent-Dispo", "multipart/form-data; boundary=b"},
		{"bad header", part + "--b\r\nno header\r\n\r\na\r\n--b--\r\n", "multipart/form-data; boundary=b"},
		{"empty", "", "multipart/form-data; boundary=b"},
		{"too many parts", strings.Repeat(part, maxParts+1) + "--b--\r\n", "multipart/form-data; boundary=b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f Found
			if err := r.Form([]byte(c.body), c.contentType, &f); !errors.Is(err, ErrForm) || len(f.Text) > 0 {
				t.Errorf("got %q and error %v", f.Text, err)
			}
		})
	}
	var f Found
	if err := r.Form([]byte(strings.Repeat(part, maxParts)+"--b--\r\n"), "multipart/form-data; boundary=b", &f); err != nil {
		t.Errorf("%d parts: %v", maxParts, err)
	}
}

// FuzzForm checks that nothing panics, that bounds are kept, and that the text of an
// urlencoded form is what net/url says.
func FuzzForm(f *testing.F) {
	multi, contentType := multiform(f, `form-data; name="text"`, "a", `form-data; name="prompt"`, "b")
	f.Add([]byte(multi), contentType)
	f.Add([]byte("text=a+b&prompt=%e0%a4%a8&text=c"), urlencoded)
	f.Add([]byte("text=%"), urlencoded)
	r, err := Compile(Places{Form: []string{"text", "prompt"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		var found Found
		err := r.Form(body, contentType, &found)
		if len(found.Text) > MaxText || err != nil && len(found.Text) > 0 {
			t.Fatalf("%q: %d bytes of text and error %v", body, len(found.Text), err)
		}
		if contentType != urlencoded || bytes.IndexByte(body, ';') >= 0 {
			return // net/url refuses semicolons
		}
		values, wantErr := url.ParseQuery(string(body))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: got error %v, want %v", body, err, wantErr)
		}
		if err != nil || len(body) > MaxText {
			return
		}
		pieces := append(values["text"], values["prompt"]...)
		var want []string
		for _, p := range pieces {
			if p != "" {
				want = append(want, p)
			}
		}
		if got := string(found.Text); len(got) <= MaxText-4 && got != strings.Join(want, "\n") {
			t.Fatalf("%q: got %q, want %q", body, got, want)
		}
	})
}
