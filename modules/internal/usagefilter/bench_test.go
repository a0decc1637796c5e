// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import (
	"bytes"
	"fmt"
	"testing"
)

// streamOf returns 200 events as OpenAI sends them, each with a text at its end.
func streamOf(end string) [][]byte {
	var out [][]byte
	for i := range 200 {
		out = append(out, fmt.Appendf(nil, `data: {"id":"chatcmpl-Demo0123456789","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_demo","choices":[{"index":0,"delta":{"content":" word%d"},"logprobs":null,"finish_reason":null}]%s}`+"\n\n", i, end))
	}
	return append(out, []byte(extra), []byte(done))
}

func BenchmarkFilter(b *testing.B) {
	tests := []struct {
		name   string
		chunks [][]byte
	}{
		{"no usage", streamOf("")},
		{"usage null", streamOf(`,"usage":null`)},
		{"usage null, one chunk", [][]byte{bytes.Join(streamOf(`,"usage":null`), nil)}},
		{"no usage, one chunk", [][]byte{bytes.Join(streamOf(""), nil)}},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			var f Filter
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				for _, c := range tt.chunks {
					f.Write(c)
				}
				f.Finish()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/event")
		})
	}
}

// BenchmarkSearch is what looking for the name in those events takes alone.
func BenchmarkSearch(b *testing.B) {
	chunks := streamOf("")
	for b.Loop() {
		for _, c := range chunks {
			if findUsage(c) == 0 {
				b.Fatal("found")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/event")
}

func BenchmarkAsk(b *testing.B) {
	body := []byte(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"` + string(bytes.Repeat([]byte("word "), 400)) + `"}],"stream":true}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, changed, _ := Ask(body, nil); !changed {
			b.Fatal("not changed")
		}
	}
}
