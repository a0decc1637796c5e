// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	endPaths  = NewPaths("model", "service_tier", "usage").Outside([]string{"model", "usage"}, "service_tier")
	fullPaths = NewPaths("model", "service_tier", "usage")
)

// wanted reads a document with either set of paths.
func wanted(p *Paths, doc string) string {
	var r Reader
	r.Reset(p)
	whole := r.Whole([]byte(doc), true)
	return fmt.Sprintf("%v %s %s %s", whole, r.Value(0), r.Value(1), r.Value(2))
}

// long is an array that a reader had rather not read.
var long = `[{"text":"` + strings.Repeat(`a "usage": of words_tier, `, 99)[2:] + `"}]`

func init() { long = strings.ReplaceAll(long, `"usage"`, `\"usage\"`) }

func TestReaderReadsFromBothEnds(t *testing.T) {
	t.Parallel()
	middle := func(doc string) string { return strings.ReplaceAll(doc, "LONG", long) }
	for name, doc := range map[string]string{
		"usual":                        `{"id":1,"model":"m","choices":LONG,"usage":{"a":[1,{"b":"\"}]{"}]},"service_tier":"flex"}`,
		"white space":                  " {\n \"model\" : \"m\" ,\n \"choices\" : LONG ,\n \"usage\" : { } \n } \n",
		"model behind":                 `{"object":"list","data":LONG,"model":"m","usage":{"a":1}}`,
		"everything before":            `{"usage":{"a":1},"model":"m","choices":LONG}`,
		"scalars behind":               `{"model":"m","choices":LONG,"usage":{"a":1},"x":1.5e3,"y":true,"z":null,"s":"\\","t":"\\\""}`,
		"null behind":                  `{"model":"m","choices":LONG,"usage":{"a":1},"usage":null}`,
		"repeated":                     `{"model":"m","usage":{"a":0},"choices":LONG,"usage":{"a":1},"usage":{"a":2}}`,
		"tier between arrays":          `{"model":"m","choices":LONG,"service_tier":"flex","citations":["a"],"usage":{"a":1}}`,
		"usage between arrays":         `{"model":"m","choices":LONG,"usage":{"a":1},"citations":["a","]"]}`,
		"model between arrays":         `{"choices":LONG,"model":"m","prompt_filter_results":[{}],"usage":{"a":1}}`,
		"no usage":                     `{"model":"m","choices":LONG,"created":1}`,
		"escaped name":                 `{"model":"m","choices":LONG,"us\u0061ge":{},"usage":{"a":1}}`,
		"array alone":                  `{"choices":LONG}`,
		"cut":                          `{"model":"m","choices":LONG,"usage":{"a":1}`,
		"two documents":                `{"model":"m","choices":LONG,"usage":{"a":1}}{}`,
		"bracket missing":              `{"model":"m","choices":LONG,"usage":{"a":1]}`,
		"colon missing":                `{"model":"m","choices":LONG,"usage"{"a":1}}`,
		"comma missing":                `{"model":"m","choices":LONG "usage":{"a":1}}`,
		"nested object with the array": `{"model":"m","message":{"content":LONG},"usage":{"a":1}}`,
	} {
		doc = middle(doc)
		if got, want := wanted(endPaths, doc), wanted(fullPaths, doc); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// What stands in between is indeed not read: that is what saves the time.
func TestReaderLeavesTheMiddleUnread(t *testing.T) {
	t.Parallel()
	doc := `{"model":"m","choices":[` + strings.Repeat(`} not JSON {`, 999) + `],"usage":{"a":1}}`
	if got := wanted(endPaths, doc); got != `true "m"  {"a":1}` {
		t.Errorf("got %s", got)
	}
	if got := wanted(endPaths, strings.Replace(doc, "not", `"x_tier":1`, 1)); !strings.HasPrefix(got, "false") {
		t.Errorf("with what may be a tier: got %s", got)
	}
}

func TestReaderReadsFromBothEndsAsFromOne(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	values := []string{`1`, `"a\\"`, `"\\\"]"`, `{}`, `{"x":["]","}"],"y":{"z":"\\"}}`, `null`, `-1.5e+7`, `true`}
	for range 3000 {
		var members []string
		for range random.IntN(6) {
			members = append(members, fmt.Sprintf(`"%s":%s`,
				[]string{"model", "usage", "id", "service_tier", "x"}[random.IntN(5)], values[random.IntN(len(values))]))
		}
		at := random.IntN(len(members) + 1)
		members = append(members[:at:at], append([]string{`"choices":` + long}, members[at:]...)...)
		doc := "{" + strings.Join(members, []string{",", " ,\n "}[random.IntN(2)]) + "}"
		if got, want := wanted(endPaths, doc), wanted(fullPaths, doc); got != want {
			t.Fatalf("%s:\ngot %s, want %s", strings.ReplaceAll(doc, long, "LONG"), got, want)
		}
	}
}

func FuzzReaderEnds(f *testing.F) {
	f.Add([]byte(`{"model":"m","choices":`), []byte(`,"usage":{"a":"\\"},"service_tier":"x"}`))
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		doc := string(head) + long + string(tail)
		got := wanted(endPaths, doc)
		if !json.Valid([]byte(doc)) || strings.Count(string(head)+string(tail), "[") > 0 {
			return // only that it does not panic
		}
		if want := wanted(fullPaths, doc); got != want {
			t.Errorf("%q, %q: got %s, want %s", head, tail, got, want)
		}
	})
}

func BenchmarkReaderEnds20K(b *testing.B) {
	doc := []byte(`{"model":"m","choices":[{"message":{"content":"` + strings.Repeat(`some \"text\" that a model wrote,\n`, 600) +
		`"}}],"usage":{"prompt_tokens":1000,"completion_tokens":300,"prompt_tokens_details":{"cached_tokens":400}}}`)
	for name, paths := range map[string]*Paths{"ends": endPaths, "whole": fullPaths} {
		b.Run(name, func(b *testing.B) {
			var r Reader
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(paths)
				if !r.Whole(doc, true) {
					b.Fatal("document did not end")
				}
			}
		})
	}
}
