// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// reference is a canonical form made by other means: encoding/json reads, math/big
// compares numbers. It returns false for a duplicate or a number it had rather not
// expand.
func reference(d *json.Decoder) (string, bool) {
	token, err := d.Token()
	if err != nil {
		return err.Error(), false
	}
	switch v := token.(type) {
	case json.Delim:
		var parts []string
		names := map[string]bool{}
		for d.More() {
			prefix := ""
			if v == '{' {
				name, err := d.Token()
				text, ok := name.(string)
				if err != nil || !ok || names[text] {
					return "duplicate", false
				}
				names[text] = true
				prefix = strconv.Quote(text) + ":"
			}
			part, ok := reference(d)
			if !ok {
				return part, false
			}
			parts = append(parts, prefix+part)
		}
		if _, err := d.Token(); err != nil {
			return err.Error(), false
		}
		if v == '{' {
			slices.Sort(parts)
		}
		return v.String() + strings.Join(parts, ",") + "end", true
	case json.Number:
		if _, e, ok := strings.Cut(strings.ToLower(v.String()), "e"); ok && len(strings.TrimLeft(e, "+-0")) > 3 {
			return "exponent", false
		}
		rat, ok := new(big.Rat).SetString(v.String())
		if !ok {
			return "number", false
		}
		return rat.RatString(), true
	case string:
		return strconv.Quote(v), true
	}
	return fmt.Sprint(token), true
}

func canonical(doc []byte) (string, bool) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	form, ok := reference(d)
	if _, err := d.Token(); ok && !errors.Is(err, io.EOF) {
		return "trailing", false
	}
	return form, ok
}

// halves finds escapes of surrogates, which encoding/json takes alone as well.
var halves = regexp.MustCompile(`\\u[dD][89a-fA-F]`)

// check compares what becomes of a document with what encoding/json makes of it.
func check(t *testing.T, doc []byte) (form string, key Key, ok bool) {
	t.Helper()
	key, err := JSON(doc, nil)
	var refused *Error
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("%q: error of another type: %v", doc, err)
	}
	valid := json.Valid(doc)
	switch form, ok = canonical(doc); {
	case err == nil && !valid:
		t.Fatalf("%q is not JSON and has a key", doc)
	case err == nil && form == "duplicate":
		t.Fatalf("%q has a duplicate and a key", doc)
	case err != nil && ok && valid && refused.Reason != TooDeep && utf8.Valid(doc) && !halves.Match(doc):
		t.Fatalf("%q has no key: %v", doc, err)
	}
	return form, key, ok && err == nil
}

func FuzzJSON(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1.0}`},
		{`{"model":"m","messages":[{"role":"user","content":"\u0048i"}]}`, `{"messages":[{"content":"Hi","role":"user"}],"model":"m"}`},
		{`[0.1,-0,1e5]`, `[1e-1,0,100000]`},
		{`{"a":1,"\u0061":2}`, `[1,]`},
		{`"\ud83d\ude00"`, `"😀"`},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		formA, keyA, ok := check(t, a)
		formB, keyB, okB := check(t, b)
		if ok && okB && (formA == formB) != (keyA == keyB) {
			t.Fatalf("%q and %q: same form %v, same key %v", a, b, formA == formB, keyA == keyB)
		}
	})
}

// The same by documents that are made for it rather than found.
func TestAgainstAnotherCanonicaliser(t *testing.T) {
	t.Parallel()
	g := newGenerator(9)
	for range 20_000 {
		a := g.doc(g.thing(3))
		b := g.doc(g.thing(1))
		if g.IntN(3) == 0 {
			b = strings.Replace(a, string("0123456789{}[],:\"ntf\\"[g.IntN(20)]), string("0123456789{}[],:\"ntf\\"[g.IntN(20)]), 1)
		}
		formA, keyA, ok := check(t, []byte(a))
		formB, keyB, okB := check(t, []byte(b))
		if ok && okB && (formA == formB) != (keyA == keyB) {
			t.Fatalf("%s and %s: same form %v, same key %v", a, b, formA == formB, keyA == keyB)
		}
	}
}
