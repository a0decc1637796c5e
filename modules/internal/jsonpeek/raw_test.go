// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"strings"
	"testing"
)

func TestString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw, want string
		ok        bool
	}{
		{`"plain"`, "plain", true},
		{`""`, "", true},
		{`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, "\"\\/\b\f\n\r\té😀", true},
		{`"\ud83d \u12"`, "\uFFFD \uFFFD12", true},
		{`12`, "", false},
		{`null`, "", false},
		{`"`, "", false},
		{``, "", false},
	} {
		if got, ok := String([]byte(c.raw)); got != c.want || ok != c.ok {
			t.Errorf("String(%s) = %q, %v; want %q, %v", c.raw, got, ok, c.want, c.ok)
		}
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw  string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"12", 12, true},
		{"-12", -12, true},
		{"12.000", 12, true},
		{"9223372036854775807", 1<<63 - 1, true},
		{"-9223372036854775808", -1 << 63, true},
		{"9223372036854775808", 0, false},
		{"99999999999999999999", 0, false},
		{"12.5", 0, false},
		{"1e3", 0, false},
		{"--1", 0, false},
		{"012", 0, false},
		{"-", 0, false},
		{"", 0, false},
		{`"12"`, 0, false},
		{"null", 0, false},
	} {
		got, ok := Int([]byte(c.raw))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("Int(%s) = %d, %v; want %d, %v", c.raw, got, ok, c.want, c.ok)
		}
	}
}

func TestBoolAndNull(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][2]bool{"true": {true, true}, "false": {false, true}, "null": {}, `"true"`: {}, "": {}} {
		if v, ok := Bool([]byte(raw)); v != want[0] || ok != want[1] {
			t.Errorf("Bool(%s) = %v, %v", raw, v, ok)
		}
	}
	if !IsNull(nil) || !IsNull([]byte("null")) || IsNull([]byte("0")) {
		t.Error("IsNull confuses absent, null and zero")
	}
}

// members lists what Object or Array report.
func members(raw string) (string, error) {
	var b strings.Builder
	var err error
	if strings.HasPrefix(raw, "[") {
		err = Array([]byte(raw), func(value []byte) bool {
			b.Write(value)
			b.WriteByte(';')
			return string(value) != "stop"
		})
	} else {
		err = Object([]byte(raw), func(name, value []byte) bool {
			b.WriteString(string(name) + "=" + string(value) + ";")
			return string(name) != "stop"
		})
	}
	return b.String(), err
}

func TestObjectAndArray(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw, want string
		fails           bool
	}{
		{"object", ` { "a" : 1 , "b":{"c":[1,"}"]},"d":"x\"" } `, `a=1;b={"c":[1,"}"]};d="x\"";`, false},
		{"escaped name", `{"\u0061":null}`, `a=null;`, false},
		{"empty object", `{ }`, ``, false},
		{"stop", `{"a":1,"stop":2,"b":3}`, `a=1;stop=2;`, false},
		{"invalid UTF-8 is let through", "{\"a\":\"\xff\"}", "a=\"\xff\";", false},
		{"array", `[1, "a]" ,{"b":[2]},[]]`, `1;"a]";{"b":[2]};[];`, false},
		{"empty array", `[]`, ``, false},
		{"no object", `12`, ``, true},
		{"cut in name", `{"a`, ``, true},
		{"cut after name", `{"a"`, ``, true},
		{"cut in value", `{"a":{"b":1`, ``, true},
		{"cut after value", `{"a":1`, `a=1;`, true},
		{"missing value", `{"a":}`, ``, true},
		{"missing comma", `{"a":1 "b":2}`, `a=1;`, true},
		{"cut array", `[1,`, `1;`, true},
		{"missing element", `[,]`, ``, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := members(c.raw)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %s, error %v; want %s, failure %v", got, err, c.want, c.fails)
			}
		})
	}
	if err := Array([]byte("12"), func([]byte) bool { return true }); err == nil {
		t.Error("a number passed as an array")
	}
}
