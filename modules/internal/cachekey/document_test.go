// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"errors"
	"strings"
	"testing"
)

// keyOf returns the key of a document that has one.
func keyOf(t *testing.T, doc string, ignore *Ignore) Key {
	t.Helper()
	k, err := JSON([]byte(doc), ignore)
	if err != nil {
		t.Fatalf("%.200s: %v", doc, err)
	}
	return k
}

func TestEqualDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, a, b string }{
		{"white space", `{"a":[1,2]}`, " {\t\"a\" :\r\n[ 1 , 2 ] } \n"},
		{"order", `{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3,"c":2},"a":1}`},
		{
			"order of many", `{"n":1,"m":2,"l":3,"k":4,"j":5,"i":6,"h":7,"g":8,"f":9,"e":0,"d":1,"c":2,"b":3,"a":4}`,
			`{"a":4,"b":3,"c":2,"d":1,"e":0,"f":9,"g":8,"h":7,"i":6,"j":5,"k":4,"l":3,"m":2,"n":1}`,
		},
		{"order of long names", `{"the same beginning 1":1,"the same beginning 2":2}`, `{"the same beginning 2":2,"the same beginning 1":1}`},
		{"escapes of a string", `"aA/é😀\n"`, `"\u0061\u0041\/\u00E9\ud83d\uDE00\u000a"`},
		{"escapes of a name", `{"ab":1,"b":2}`, `{"b":2,"\u0061b":1}`},
		{"one", `[1,1,1,1]`, `[1.0,1e0,10e-1,0.1E+1]`},
		{"minus", `-1500`, `-1.5e3`},
		{"zeros", `[0,0,0,0]`, `[-0,0.0,0e5,-0.000E-7]`},
		{"small", `0.00105`, `105e-5`},
		{"long integer", `123456789012345678901234567890`, `123456789012345678901234567890.000`},
		{"long decimal", `0.10000000000000000000000000000000001`, `10000000000000000000000000000000001e-35`},
		{"large exponent", `1e1000000`, `10e999999`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if keyOf(t, c.a, nil) != keyOf(t, c.b, nil) {
				t.Errorf("%s and %s differ", c.a, c.b)
			}
		})
	}
}

// Every two of these documents mean something else.
func TestDifferentDocuments(t *testing.T) {
	t.Parallel()
	docs := []string{
		`null`, `true`, `false`, `0`, `""`, `{}`, `[]`, `"null"`, `"true"`, `"0"`, `[[]]`, `[{}]`, `[null]`, `[[],[]]`, `[[[]]]`,
		`1`, `-1`, `10`, `0.1`, `1e-2`, `0.10000000000000001`, `9007199254740993`, `9007199254740992`, `1e400`, `1e401`, `[1,0]`, `[10]`,
		`"a"`, `"A"`, `"\u00e9"`, `"e\u0301"`, `"ab"`, `["a","b"]`, `["ab",""]`, `["","ab"]`, `"\u0000"`, `" "`, `"a "`, `"\\n"`, `"\n"`,
		`{"a":1}`, `{"a":"1"}`, `{"a":null}`, `{"A":1}`, `{"a":1,"b":2}`, `{"a":{"b":2}}`, `{"a":{},"b":2}`, `{"":1}`, `{"a":[1]}`,
		`{"a":1,"a\u0000":1}`, `{"a":2,"b":1}`, `["a",1]`, `{"a":{"b":1},"c":2}`, `{"a":{"b":1,"c":2}}`, `[1,2]`, `[2,1]`, `[[1],2]`, `[12]`,
	}
	keys := map[Key]string{}
	for _, doc := range docs {
		k := keyOf(t, doc, nil)
		if other, ok := keys[k]; ok {
			t.Errorf("%s and %s have the same key", other, doc)
		}
		keys[k] = doc
	}
}

func TestRefusedDocuments(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, doc string
		want      Reason // "" for a document that has a key
	}{
		{"empty", ``, NotJSON},
		{"white space", ` `, NotJSON},
		{"byte order mark", "\uFEFF{}", NotJSON},
		{"cut object", `{"a":1`, NotJSON},
		{"cut name", `{"a`, NotJSON},
		{"cut array", `[1,`, NotJSON},
		{"cut escape", `"\u00`, NotJSON},
		{"cut literal", `tru`, NotJSON},
		{"two documents", `{}{}`, NotJSON},
		{"comma at the end", `{"a":1,}`, NotJSON},
		{"comma in an array", `[1,]`, NotJSON},
		{"no colon", `{"a" 1}`, NotJSON},
		{"no quotes", `{a:1}`, NotJSON},
		{"leading zero", `01`, NotJSON},
		{"plus", `+1`, NotJSON},
		{"no fraction", `1.`, NotJSON},
		{"no exponent", `1e`, NotJSON},
		{"minus alone", `-`, NotJSON},
		{"NaN", `NaN`, NotJSON},
		{"control character", "\"a\nb\"", NotJSON},
		{"control character in a long string", "\"aaaaaaaaaaaaaaaaaaaaa\x1fb\"", NotJSON},
		{"invalid UTF-8", "\"\xff\"", NotJSON},
		{"invalid UTF-8 in a long name", "{\"aaaaaaaaaaaaaaaa\xc3\":1}", NotJSON},
		{"lone surrogate", `"\ud83d"`, NotJSON},
		{"wrong pair", `"\ud83d\u0041"`, NotJSON},
		{"unknown escape", `"\x"`, NotJSON},
		{"duplicate", `{"a":1,"a":1}`, DuplicateMember},
		{"duplicate by escapes", `{"a":1,"\u0061":1}`, DuplicateMember},
		{"duplicate within", `{"x":[{"b":{"a":1,"c":2,"a":3}}]}`, DuplicateMember},
		{"duplicate of what is ignored", `{"user":1,"user":1}`, DuplicateMember},
		{"duplicate within what is ignored", `{"user":{"a":1,"a":1}}`, DuplicateMember},
		{"duplicate among many", `{"n":1,"m":2,"l":3,"k":4,"j":5,"i":6,"h":7,"g":8,"f":9,"e":0,"d":1,"c":2,"b":3,"n":4}`, DuplicateMember},
		{"deep", deep(MaxDepth), ""},
		{"too deep", deep(MaxDepth + 1), TooDeep},
		{"exponent", `1e-1000000`, ""},
		{"exponent too large", `1e1000001`, NumberRange},
		{"exponent too small", `1e-99999999999999999999`, NumberRange},
		{"exponent of zero", `0e99999999999999999999`, NumberRange},
		{"exponent within what is ignored", `{"user":1E+99999999999999999999}`, NumberRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := JSON([]byte(c.doc), NewIgnore("user"))
			var refused *Error
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &refused) || refused.Reason != c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if refused != nil && (refused.Offset < 0 || refused.Offset > len(c.doc)) {
				t.Errorf("offset %d of %d", refused.Offset, len(c.doc))
			}
		})
	}
}

func TestIgnoredMembers(t *testing.T) {
	t.Parallel()
	ignore := NewIgnore("user", "metadata", "stream_options.include_usage", "a.b.c", "a.d", "x.y", "x")
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"absent and given", `{"m":1}`, `{"user":"u","m":1}`, true},
		{"two values", `{"user":"v","metadata":{"a":1}}`, `{"metadata":[],"user":"u"}`, true},
		{"escaped name", `{"m":1}`, `{"\u0075ser":"u","m":1}`, true},
		{"not within", `{"m":{"user":1}}`, `{"m":{"user":2}}`, false},
		{"not in an array", `[{"user":1}]`, `[{"user":2}]`, false},
		{"other case", `{"User":1}`, `{"User":2}`, false},
		{"nested", `{"stream_options":{"x":1,"include_usage":true}}`, `{"stream_options":{"include_usage":false,"x":1}}`, true},
		{"beside nested", `{"stream_options":{"x":1}}`, `{"stream_options":{"x":2}}`, false},
		{"the object stays", `{"stream_options":{"include_usage":true}}`, `{}`, false},
		{"of another type", `{"stream_options":1}`, `{"stream_options":2}`, false},
		{"three levels", `{"a":{"b":{"c":1,"e":2},"d":3}}`, `{"a":{"d":4,"b":{"e":2}}}`, true},
		{"not through an array", `{"a":[{"d":1}]}`, `{"a":[{"d":2}]}`, false},
		{"the whole overrules", `{"x":{"z":1}}`, `{}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if same := keyOf(t, c.a, ignore) == keyOf(t, c.b, ignore); same != c.same {
				t.Errorf("%s and %s: same %v, want %v", c.a, c.b, same, c.same)
			}
		})
	}
}
