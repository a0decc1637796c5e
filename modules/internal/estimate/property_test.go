// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// tongues are texts of several languages and kinds.
var tongues = []string{
	"The gateway counts what was delivered, and nothing else. It's cheaper than you'd think!\n",
	"Die Zählung erfolgt abschnittsweise, übrigens auch für Umlaute und ß. ",
	"La réponse a été interrompue avant la fin ; on compte ce qui reste. ",
	"Ответ был прерван, но доставленное посчитано полностью. ",
	"网关只计算已经交付的内容，其余的不算。",
	"ゲートウェイは届いた分だけを数えます。",
	"게이트웨이는 전달된 내용만 계산합니다. ",
	"البوابة تحسب ما تم تسليمه فقط. ",
	"गेटवे केवल वही गिनता है जो पहुँचाया गया। ",
	"👩‍🚀🚀 ✅ 100 % — done… 🤷🏽 ",
	"func main() {\n\tfor i := range 10 {\n\t\tfmt.Printf(\"%d\\n\", i)\n\t}\n}\n",
	`{"city":"Zürich","days":[1,2,3],"unit":"°C","path":"C:\\temp"}`,
}

// speech returns a text of about the given size.
func speech(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		at := r.IntN(len(tongues))
		for range 1 + r.IntN(8) {
			b.WriteString(tongues[at])
		}
	}
	return b.String()
}

// quote writes a string value. Providers escape as they please: everything beyond
// ASCII, or nothing but what must be.
func quote(s string, ascii bool) string {
	if !ascii {
		var b strings.Builder
		for i := range len(s) { // a cut character stays cut
			switch c := s[i]; {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ':
				fmt.Fprintf(&b, `\u%04x`, c)
			default:
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04x`, unit)
	}
	return b.String()
}

// cuts divides a text into the pieces that events deliver. In escaped text a cut
// can lie between the halves of a pair, in other text within a character.
func cuts(r *rand.Rand, s string, ascii bool) (quoted []string) {
	if ascii {
		all := quote(s, true)
		for all != "" {
			n := min(6*(1+r.IntN(12)), len(all))
			quoted, all = append(quoted, all[:n]), all[n:]
		}
		return quoted
	}
	for s != "" {
		n := min(1+r.IntN(12), len(s))
		quoted, s = append(quoted, quote(s[:n], false)), s[n:]
	}
	return quoted
}

// TestEstimateIsWithinTwoPercent delivers texts of many sizes in every format.
func TestEstimateIsWithinTwoPercent(t *testing.T) {
	t.Parallel()
	shapes := []struct {
		name   string
		format usage.Format
		media  usage.Media
		event  string
		class  usage.Class
	}{
		{"chat", usage.OpenAIChat, usage.MediaSSE, `{"id":"c","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}`, usage.Output},
		{"reasoning", usage.OpenAIChat, usage.MediaSSE, `{"id":"c","choices":[{"delta":{"reasoning_content":"%s"},"index":0}]}`, usage.Reasoning},
		{"responses", usage.OpenAIResponses, usage.MediaSSE, `{"type":"response.output_text.delta","delta":"%s","logprobs":[]}`, usage.Output},
		{"anthropic", usage.AnthropicMessages, usage.MediaSSE, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}`, usage.Output},
		{"ollama", usage.OllamaNative, usage.MediaNDJSON, `{"model":"m","response":"%s","done":false}`, usage.Output},
		{"gemini", usage.Gemini, usage.MediaSSE, `{"candidates":[{"content":{"parts":[{"text":"%s","thought":true}]},"index":0}]}`, usage.Reasoning},
	}
	for i, s := range shapes {
		for _, size := range []int{50, 2000, 50 << 10, 80 << 10, 300 << 10, 1200 << 10} {
			if size > 64<<10 && i%2 > 0 {
				continue // half of them are enough
			}
			t.Run(fmt.Sprint(s.name, size), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(size), uint64(i)))
				said := speech(r, size)
				var tr Transcript
				tr.Reset(s.format, s.media, tokens.O200kBase)
				for _, piece := range cuts(r, said, i%2 == 0) {
					tr.Event(nil, fmt.Appendf(nil, s.event, piece))
				}
				got, want := tr.Output(), exact(said)
				if off := math.Abs(float64(got[s.class])/float64(want) - 1); off > tolerance(size) {
					t.Errorf("%d tokens, the tokenizer says %d", got[s.class], want)
				}
				if total := got.Total(); total != got[s.class] {
					t.Errorf("%d tokens of other classes", total-got[s.class])
				}
				bounded(t, &tr)
			})
		}
	}
}

// tolerance is how far off the count of a text may be: those too long to be counted
// whole are sampled.
func tolerance(size int) float64 {
	if size > tokens.MaxExact {
		return 0.02
	}
	return 0.001
}

// exact counts a text in portions that are counted exactly.
func exact(s string) (n int64) {
	b := []byte(s)
	for len(b) > tokens.MaxExact {
		cut := tokens.Boundary(b[:tokens.MaxExact])
		n += tokens.O200kBase.Count(b[:cut])
		b = b[cut:]
	}
	return n + tokens.O200kBase.Count(b)
}

// bounded checks the memory that a transcript holds.
func bounded(t testing.TB, tr *Transcript) {
	t.Helper()
	held := cap(tr.tape.buf) + cap(tr.walker.texts.pending)
	for _, l := range tr.walker.texts.lanes {
		held += cap(l.buf)
	}
	if held > 2*(maxTape+maxTexts+maxPending) {
		t.Errorf("%d bytes are held", held)
	}
}

// TestDocumentsAreWithinTwoPercent delivers one document in chunks.
func TestDocumentsAreWithinTwoPercent(t *testing.T) {
	t.Parallel()
	for _, size := range []int{2000, 100 << 10, 300 << 10, 1200 << 10} {
		r := rand.New(rand.NewPCG(uint64(size), 9))
		said := speech(r, size)
		quoted, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":` + string(quoted) + `},"finish_reason":"stop"}]}`)
		var tr Transcript
		tr.Reset(usage.OpenAIChat, usage.MediaJSON, tokens.O200kBase)
		for len(body) > 0 {
			n := min(1+r.IntN(5000), len(body))
			tr.Bytes(body[:n])
			body = body[n:]
		}
		got, want := tr.Output()[usage.Output], exact(said)
		if off := math.Abs(float64(got)/float64(want) - 1); off > tolerance(size) {
			t.Errorf("%d bytes: %d tokens, the tokenizer says %d", size, got, want)
		}
		bounded(t, &tr)
	}
}

// TestAnswersInTurns delivers several answers to one request, word by word.
func TestAnswersInTurns(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	said := make([]string, 4)
	var tr Transcript
	tr.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
	for i := range said {
		said[i] = speech(r, 40<<10)
	}
	var want int64
	rest := make([]string, len(said))
	for i, s := range said {
		rest[i], want = s, want+exact(s)
	}
	for left := len(rest); left > 0; {
		left = 0
		for i := range rest {
			n := min(1+r.IntN(9), len(rest[i]))
			for n > 0 && n < len(rest[i]) && !utf8.RuneStart(rest[i][n]) {
				n++
			}
			tr.Event(nil, fmt.Appendf(nil, `{"choices":[{"index":%d,"delta":{"content":"%s"}}]}`, i, quote(rest[i][:n], false)))
			rest[i] = rest[i][n:]
			left += len(rest[i])
		}
	}
	if got := tr.Output()[usage.Output]; float64(got) > 1.001*float64(want) || float64(got) < 0.999*float64(want) {
		t.Errorf("%d tokens, the tokenizer says %d", got, want)
	}
	bounded(t, &tr)
}

// TestResetForgets reuses a transcript.
func TestResetForgets(t *testing.T) {
	t.Parallel()
	var tr Transcript
	long := strings.Repeat("word ", 30_000)
	for range 3 {
		tr.Reset(usage.Gemini, usage.MediaJSON, tokens.O200kBase)
		tr.Bytes([]byte(`[{"candidates":[{"content":{"parts":[{"thought":true,"text":"` + long))
		if tr.Output()[usage.Reasoning] < 29_000 {
			t.Fatalf("%v", tr.Output())
		}
		tr.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
		tr.Part(nil, []byte(`{"choices":[{"delta":{"content":"x`), false)
		tr.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
		tr.Event(nil, []byte(`{"choices":[{"delta":{"content":"hello"}}]}`))
		tr.Part(nil, []byte(`{"choices":[{"delta":{"content":" world"}}]}`), true)
		if got := read(t, &tr); got != (delivered{text: "hello world"}) {
			t.Fatalf("%+v after Reset", got)
		}
		tr.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
		if got := tr.Output(); !got.IsZero() {
			t.Fatalf("%v of nothing", got)
		}
		held := cap(tr.tape.buf) + cap(tr.walker.texts.pending)
		if held > keepTape+keepText {
			t.Errorf("%d bytes are kept", held)
		}
	}
}

// TestTextIsCountedBetweenWords delivers more than is held, in parts of words.
func TestTextIsCountedBetweenWords(t *testing.T) {
	t.Parallel()
	said := strings.Repeat("Deliberately extraordinary internationalization strengthens responsibilities. ", 2500)
	for size := 3; size < 12; size++ {
		var tr Transcript
		tr.Reset(usage.OllamaNative, usage.MediaNDJSON, tokens.O200kBase)
		for rest := said; rest != ""; {
			n := min(size, len(rest))
			tr.Event(nil, []byte(`{"response":"`+rest[:n]+`","done":false}`))
			rest = rest[n:]
		}
		if got, want := tr.Output()[usage.Output], exact(said); got != want {
			t.Errorf("in pieces of %d: %d tokens, the tokenizer says %d", size, got, want)
		}
	}
}
