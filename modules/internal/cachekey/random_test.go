// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// thing is a JSON value to be written in many ways: nil, a bool, a string, a number,
// a list or an object, whose names are those of members in any order.
type thing any

type number struct {
	digits   *big.Int
	exponent int
}

type object struct {
	names  []string
	values []thing
}

// generator makes things and writes them down.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, seed+1))} }

var runes = []rune("abcdefgh AZ09\"\\/\n\t\x00\x1fé漢😀\u2028~{}[]:,")

func (g generator) text() string {
	var b strings.Builder
	for range g.IntN(12) {
		b.WriteRune(runes[g.IntN(len(runes))])
	}
	return b.String()
}

func (g generator) thing(depth int) thing {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch g.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2, 3:
		return g.text()
	case 4:
		return number{big.NewInt(g.Int64N(2000) - 1000), g.IntN(12) - 6}
	case 5:
		list := make([]thing, g.IntN(5))
		for i := range list {
			list[i] = g.thing(depth - 1)
		}
		return list
	}
	var o object
	for range g.IntN(6) {
		if name := g.text(); !slices.Contains(o.names, name) {
			o.names, o.values = append(o.names, name), append(o.values, g.thing(depth-1))
		}
	}
	return o
}

// write writes a thing in one of its ways.
func (g generator) write(b *strings.Builder, v thing) {
	g.space(b)
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		fmt.Fprint(b, v)
	case string:
		g.writeText(b, v)
	case number:
		g.writeNumber(b, v)
	case []thing:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			g.write(b, e)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, k := range g.Perm(len(v.names)) {
			if i > 0 {
				b.WriteByte(',')
			}
			g.space(b)
			g.writeText(b, v.names[k])
			g.space(b)
			b.WriteByte(':')
			g.write(b, v.values[k])
		}
		b.WriteByte('}')
	}
	g.space(b)
}

func (g generator) space(b *strings.Builder) {
	for g.IntN(4) == 0 {
		b.WriteByte(" \t\r\n"[g.IntN(4)])
	}
}

func (g generator) writeText(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r >= ' ' && r != '"' && r != '\\' && g.IntN(3) > 0:
			b.WriteRune(r)
		case r == '"' || r == '\\' || r == '/':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n' && g.IntN(2) == 0:
			b.WriteString(`\n`)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04X`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

// writeNumber shifts the point about.
func (g generator) writeNumber(b *strings.Builder, n number) {
	digits := new(big.Int).Abs(n.digits).String()
	exponent := n.exponent
	for range g.IntN(4) {
		digits, exponent = digits+"0", exponent-1
	}
	if n.digits.Sign() < 0 || n.digits.Sign() == 0 && g.IntN(2) == 0 {
		b.WriteByte('-')
	}
	for shift := g.IntN(4); shift > 0; shift-- {
		digits = "0" + digits
	}
	at := 1 + g.IntN(len(digits))
	whole := strings.TrimLeft(digits[:at], "0")
	if whole == "" {
		whole = "0"
	}
	b.WriteString(whole)
	if at < len(digits) {
		b.WriteString("." + digits[at:])
		exponent += len(digits) - at
	}
	if exponent != 0 || g.IntN(4) == 0 {
		form := []string{"e%d", "E%d", "E%+d", "e%+d"}[g.IntN(4)]
		fmt.Fprintf(b, form, exponent)
	}
}

func (g generator) doc(v thing) string {
	var b strings.Builder
	g.write(&b, v)
	return b.String()
}

// However a thing is written, its key is the same.
func TestAnyWritingHasTheSameKey(t *testing.T) {
	t.Parallel()
	g := newGenerator(5)
	for range 20_000 {
		v := g.thing(4)
		a, b := g.doc(v), g.doc(v)
		if keyOf(t, a, nil) != keyOf(t, b, nil) {
			t.Fatalf("two writings of one document differ:\n%s\n%s", a, b)
		}
	}
}

// change alters one thing within v and reports whether it did.
func (g generator) change(v thing) (thing, bool) {
	switch v := v.(type) {
	case nil:
		return false, true
	case bool:
		return !v, true
	case string:
		if v != "" && g.IntN(2) == 0 {
			at := []rune(v)
			i := g.IntN(len(at))
			at[i]++
			return string(at), true
		}
		return v + "x", true
	case number:
		if v.digits.Sign() != 0 && g.IntN(2) == 0 {
			return number{v.digits, v.exponent + 1}, true
		}
		return number{new(big.Int).Add(v.digits, big.NewInt(1)), v.exponent}, true
	case []thing:
		if len(v) == 0 || g.IntN(4) == 0 {
			return append(slices.Clone(v), nil), true
		}
		i := g.IntN(len(v))
		changed, ok := g.change(v[i])
		v = slices.Clone(v)
		v[i] = changed
		return v, ok
	case object:
		o := object{slices.Clone(v.names), slices.Clone(v.values)}
		switch k := len(o.names); {
		case k == 0 || g.IntN(6) == 0:
			return object{append(o.names, "a name that is new"), append(o.values, nil)}, true
		case g.IntN(6) == 0:
			return object{o.names[1:], o.values[1:]}, true
		case g.IntN(6) == 0:
			o.names[0] += "another name"
			return o, true
		default:
			i := g.IntN(k)
			var ok bool
			o.values[i], ok = g.change(o.values[i])
			return o, ok
		}
	}
	return v, false
}

// A change of any one thing changes the key: 100,000 pairs.
func TestAnyChangeChangesTheKey(t *testing.T) {
	t.Parallel()
	g := newGenerator(7)
	for range 100_000 {
		v := g.thing(3)
		changed, ok := g.change(v)
		if !ok {
			t.Fatalf("cannot change %v", v)
		}
		a, b := g.doc(v), g.doc(changed)
		if keyOf(t, a, nil) == keyOf(t, b, nil) {
			t.Fatalf("two documents have one key:\n%s\n%s", a, b)
		}
	}
}
