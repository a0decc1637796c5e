// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// asker asks for the bound of each call, as a limit does.
type asker struct {
	limits []int64 // of the answer, one after the other
	asked  int
	bound  state.Bound
	none   bool // there was nobody to ask
}

func (a *asker) Reached(s state.Stage, r *http.Request, rq *state.Request) error {
	if s != state.CallKnown {
		return nil
	}
	a.asked++
	if a.none = rq.LLM.Bounder == nil; a.none {
		return nil
	}
	for _, most := range a.limits {
		var err error
		if a.bound, err = rq.LLM.Bounder.Bound(r, most); err != nil {
			return err
		}
	}
	return nil
}

func (*asker) AnswerHeader(http.Header) {}
func (*asker) Done()                    {}

// ask sends a call of which the bound is asked. Its body is written with single quotes.
func ask(t *testing.T, provider, path, body string, header http.Header, limits ...int64) (a *asker, rt *route, status int, answered string) {
	t.Helper()
	rt = newRoute(t, &Handler{Provider: provider}, answer(jsonType, `{}`))
	a = &asker{limits: limits}
	rt.waiter, rt.header = a, header
	w := rt.post(path, jsonType, quoted(body))
	return a, rt, w.Code, w.Body.String()
}

// bound is what ask has found out, of a call without a limit.
func bound(t *testing.T, provider, path, body string) state.Bound {
	t.Helper()
	a, _, _, _ := ask(t, provider, path, body, nil, 0) //nolint:dogsled // the rest does not matter
	return a.bound
}

func quoted(body string) string { return strings.ReplaceAll(body, "'", `"`) }

const (
	messagesPath = "/v1/messages"
	geminiPath   = "/v1beta/models/gemini-2.5-flash:generateContent"
)

// Answers are limited where the request asks for more or names no limit, and nothing
// else of the body changes.
func TestAnswersAreLimited(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		provider, path, body string
		limits               []int64 // default: 100
		forwarded            string  // default: as it came
		output               int64
	}{
		"chat, none":                    {"openai", chatPath, `{ 'model': 'gpt-4o-mini', 'x' : 1.00 }`, nil, `{'max_completion_tokens':100, 'model': 'gpt-4o-mini', 'x' : 1.00 }`, 100},
		"chat, null":                    {"openai", chatPath, `{'model':'gpt-4o-mini','max_completion_tokens':null}`, nil, `{'model':'gpt-4o-mini','max_completion_tokens':100}`, 100},
		"chat, more":                    {"openai", chatPath, `{'model':'gpt-4o-mini','max_completion_tokens': 4096 ,'n':2}`, nil, `{'model':'gpt-4o-mini','max_completion_tokens': 100 ,'n':2}`, 200},
		"chat, more by the older name":  {"openai", chatPath, `{'max_tokens':4096,'model':'gpt-4o-mini'}`, nil, `{'max_tokens':100,'model':'gpt-4o-mini'}`, 100},
		"chat, less":                    {"openai", chatPath, `{'model':'gpt-4o-mini','max_tokens':7}`, nil, "", 7},
		"chat, as much":                 {"openai", chatPath, `{'model':'gpt-4o-mini','max_tokens':100}`, nil, "", 100},
		"chat, both":                    {"openai", chatPath, `{'max_completion_tokens':4096,'max_tokens':50,'model':'gpt-4o-mini'}`, nil, `{'max_completion_tokens':100,'max_tokens':50,'model':'gpt-4o-mini'}`, 100},
		"chat, a prediction":            {"openai", chatPath, `{'model':'gpt-4o-mini','max_tokens':7,'prediction':{'type':'content'}}`, nil, "", 7 + 18},
		"chat, not limited":             {"openai", chatPath, `{'model':'gpt-4o-mini'}`, []int64{0}, "", 16384},
		"chat, its own limit":           {"openai", chatPath, `{'model':'gpt-4o-mini','max_completion_tokens':33}`, []int64{0}, "", 33},
		"chat, a stream":                {"openai", chatPath, `{'model':'gpt-4o-mini','stream':true}`, nil, `{'max_completion_tokens':100,'stream_options':{'include_usage':true},'model':'gpt-4o-mini','stream':true}`, 100},
		"chat, twice":                   {"openai", chatPath, `{'model':'gpt-4o-mini'}`, []int64{100, 60}, `{'max_completion_tokens':60,'model':'gpt-4o-mini'}`, 60},
		"chat, twice the other way":     {"openai", chatPath, `{'model':'gpt-4o-mini'}`, []int64{60, 100}, `{'max_completion_tokens':60,'model':'gpt-4o-mini'}`, 60},
		"another server, none":          {"vllm", chatPath, `{'model':'m'}`, nil, `{'max_tokens':100,'model':'m'}`, 100},
		"another server, the newer one": {"vllm", chatPath, `{'model':'m','max_completion_tokens':400}`, nil, `{'max_tokens':100,'model':'m','max_completion_tokens':100}`, 100},
		"another server, a lesser one":  {"vllm", chatPath, `{'model':'m','max_completion_tokens':40}`, nil, `{'max_tokens':40,'model':'m','max_completion_tokens':40}`, 40},
		"another server, its own name":  {"vllm", chatPath, `{'model':'m','n_predict':-1}`, nil, `{'max_tokens':100,'model':'m','n_predict':100}`, 100},
		"xai, none":                     {"xai", chatPath, `{'model':'grok-4.3'}`, nil, `{'max_completion_tokens':100,'model':'grok-4.3'}`, 100},
		"completions":                   {"openai", "/v1/completions", `{'model':'gpt-4o-mini','prompt':['a','b']}`, nil, `{'max_tokens':100,'model':'gpt-4o-mini','prompt':['a','b']}`, 200},
		"responses, none":               {"openai", "/v1/responses", `{'model':'gpt-5','input':'x'}`, nil, `{'max_output_tokens':100,'model':'gpt-5','input':'x'}`, 100},
		"responses, more":               {"openai", "/v1/responses", `{'model':'gpt-5','max_output_tokens':101}`, nil, `{'model':'gpt-5','max_output_tokens':100}`, 100},
		"responses, not limited":        {"openai", "/v1/responses", `{'model':'gpt-5'}`, []int64{0}, "", 128000},
		"responses, compacted":          {"openai", "/v1/responses/compact", `{'model':'gpt-5'}`, nil, "", 128000},
		"messages, more":                {"anthropic", messagesPath, `{'model':'claude-opus-4-5','max_tokens':64000}`, nil, `{'model':'claude-opus-4-5','max_tokens':100}`, 100},
		"messages, none":                {"anthropic", messagesPath, `{'model':'claude-opus-4-5'}`, nil, `{'max_tokens':100,'model':'claude-opus-4-5'}`, 100},
		"messages that think":           {"anthropic", messagesPath, `{'model':'claude-opus-4-5','max_tokens':9000,'thinking':{'type':'enabled','budget_tokens':1024}}`, []int64{2000}, `{'model':'claude-opus-4-5','max_tokens':2000,'thinking':{'type':'enabled','budget_tokens':1024}}`, 2000},
		"messages, not limited":         {"anthropic", messagesPath, `{'model':'claude-opus-4-5','max_tokens':64000,'thinking':{'budget_tokens':9}}`, []int64{0}, "", 64000},
		"ollama, none":                  {"ollama", "/api/chat", `{'model':'m','options':{ 'seed':1}}`, nil, `{'model':'m','options':{'num_predict':100, 'seed':1}}`, 100},
		"ollama, no options":            {"ollama", "/api/generate", `{'model':'m'}`, nil, `{'options':{'num_predict':100},'model':'m'}`, 100},
		"ollama, without end":           {"ollama", "/api/chat", `{'model':'m','options':{'num_predict':-1}}`, nil, `{'model':'m','options':{'num_predict':100}}`, 100},
		"ollama, less":                  {"ollama", "/api/chat", `{'model':'m','options':{'num_predict':5}}`, nil, "", 5},
		"gemini, none":                  {"gemini", geminiPath, `{'contents':[]}`, nil, `{'generationConfig':{'maxOutputTokens':100},'contents':[]}`, 100},
		"gemini, more":                  {"gemini", geminiPath, `{'generation_config':{'max_output_tokens':900,'candidate_count':2}}`, nil, `{'generation_config':{'max_output_tokens':100,'candidate_count':2}}`, 200},
		"gemini, not limited":           {"gemini", geminiPath, `{'contents':[]}`, []int64{0}, "", 65535},
		"gemini with images":            {"gemini", geminiPath, `{'generationConfig':{'maxOutputTokens':5,'responseModalities':['IMAGE']}}`, nil, "", 65535},
		"embeddings":                    {"openai", "/v1/embeddings", `{'model':'text-embedding-3-small','input':'x'}`, nil, "", 0},
		"embeddings of ollama":          {"ollama", "/api/embed", `{'model':'m','input':'x'}`, nil, "", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits, forwarded := tc.limits, tc.forwarded
			if limits == nil {
				limits = []int64{100}
			}
			if forwarded == "" {
				forwarded = tc.body
			}
			a, rt, status, answered := ask(t, tc.provider, tc.path, tc.body, nil, limits...)
			if status != http.StatusOK {
				t.Fatalf("status %d: %s", status, answered)
			}
			if string(rt.received) != quoted(forwarded) {
				t.Errorf("forwarded %s, want %s", rt.received, quoted(forwarded))
			}
			if a.bound.Output != tc.output {
				t.Errorf("at most %d tokens of output, want %d", a.bound.Output, tc.output)
			}
		})
	}
}

func TestLimitsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		provider, path, body, code string
	}{
		"text":                     {"openai", chatPath, `{'model':'gpt-4o-mini','max_tokens':'9'}`, "invalid_max_tokens"},
		"negative":                 {"openai", "/v1/responses", `{'model':'gpt-5','max_output_tokens':-9}`, "invalid_max_tokens"},
		"no answers":               {"openai", chatPath, `{'model':'gpt-4o-mini','n':0}`, "invalid_n"},
		"options":                  {"ollama", "/api/chat", `{'model':'m','options':7}`, "invalid_max_tokens"},
		"an option twice":          {"ollama", "/api/chat", `{'model':'m','options':{'num_predict':1,'NUM_PREDICT':2}}`, "ambiguous_field"},
		"a configuration":          {"gemini", geminiPath, `{'generationConfig':{'maxOutputTokens':'9'}}`, "INVALID_ARGUMENT"},
		"a configuration twice":    {"gemini", geminiPath, `{'generationConfig':{},'generation_config':{}}`, "more than once"},
		"too little for reasoning": {"anthropic", messagesPath, `{'model':'claude-opus-4-5','max_tokens':4000,'thinking':{'type':'enabled','budget_tokens':1024}}`, "thinking.budget_tokens"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rt, status, answered := ask(t, tc.provider, tc.path, tc.body, nil, 1024)
			if status != http.StatusBadRequest || !strings.Contains(answered, tc.code) || rt.received != nil {
				t.Errorf("status %d, want 400 %s: %s", status, tc.code, answered)
			}
			if row := rt.row(); row.Requests != 1 || row.Cost.Amount() != 0 {
				t.Errorf("row %+v", row)
			}
			// Nobody minds where nothing is to be limited.
			plain := newRoute(t, &Handler{Provider: tc.provider}, answer(jsonType, `{}`))
			if w := plain.post(tc.path, jsonType, quoted(tc.body)); w.Code != http.StatusOK || string(plain.received) != quoted(tc.body) {
				t.Errorf("without a limit: status %d, forwarded %s", w.Code, plain.received)
			}
		})
	}
}

// What a call can cost is what all that it can use costs at the highest price.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	const beta = "Anthropic-Beta"
	long := strings.Repeat("x", 300_000)
	tests := map[string]struct {
		provider, path, body string
		beta                 string
		input                int64 // beyond the bytes of the body, or, if they do not matter, in all
		whole                bool  // in all
		unbounded            string
	}{
		"chat":                  {provider: "openai", path: chatPath, body: `{'model':'gpt-4o-mini','max_tokens':100,'messages':[]}`, input: 1024},
		"no price":              {provider: "openai", path: chatPath, body: `{'model':'mystery-1','max_tokens':5}`, input: 1024, unbounded: `the gateway has no price for the model "mystery-1"`},
		"no model":              {provider: "openai", path: chatPath, body: `{'max_tokens':5}`, input: 1024, unbounded: "does not name its model"},
		"no maximum":            {provider: "openai", path: chatPath, body: `{'model':'gpt-6-luna'}`, input: 1024, unbounded: "name a limit such as max_tokens"},
		"a file":                {provider: "openai", path: chatPath, body: `{'model':'gpt-4o-mini','messages':[{'role':'user','content':[{'type':'file'}]}]}`, input: 128_000, whole: true},
		"a file and no maximum": {provider: "openai", path: chatPath, body: `{'model':'gpt-6-luna','max_tokens':5,'messages':[{'content':[{'type':'file'}]}]}`, input: 1024, unbounded: "refers to something else than text"},
		"longer than the model": {provider: "openai", path: chatPath, body: `{'model':'gpt-4o-mini','messages':[{'role':'user','content':'` + long + `'}]}`, input: 128_000, whole: true},
		"embeddings of many":    {provider: "openai", path: "/v1/embeddings", body: `{'model':'text-embedding-3-small','input':['` + long + `']}`, input: 1024},
		"in the background":     {provider: "openai", path: "/v1/responses", body: `{'model':'gpt-5','background':true,'max_output_tokens':5}`, input: 1024, unbounded: "background"},
		"an unknown endpoint":   {provider: "openai", path: "/v1/rerank", body: `{'model':'gpt-4o-mini'}`, unbounded: "does not know what this endpoint bills"},
		"a long prompt":         {provider: "anthropic", path: messagesPath, body: `{'model':'claude-sonnet-4-5','max_tokens':5,'messages':[{'role':'user','content':'` + long + `'}]}`, input: 200_000, whole: true},
		"a longer one":          {provider: "anthropic", path: messagesPath, beta: "context-1m-2025-08-07", body: `{'model':'claude-sonnet-4-5','max_tokens':5,'messages':[{'role':'user','content':'` + long + `'}]}`, input: 1024},
		"for nothing":           {provider: "ollama", path: "/api/chat", body: `{'model':'m'}`, input: 1024},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if tc.beta != "" {
				header.Set(beta, tc.beta)
			}
			a, rt, status, answered := ask(t, tc.provider, tc.path, tc.body, header, 0)
			if status != http.StatusOK {
				t.Fatalf("status %d: %s", status, answered)
			}
			want := tc.input
			if !tc.whole {
				want += int64(len(rt.received))
			}
			if a.bound.Input != want {
				t.Errorf("at most %d tokens of input, want %d", a.bound.Input, want)
			}
			if !strings.Contains(a.bound.Unbounded, tc.unbounded) || (a.bound.Unbounded == "") != (tc.unbounded == "") {
				t.Errorf("unbounded because %q, want %q", a.bound.Unbounded, tc.unbounded)
			}
			if free := tc.provider == "ollama"; tc.unbounded == "" && (a.bound.Cost == 0) != free {
				t.Errorf("at most %s", a.bound.Cost)
			}
		})
	}
}

// The figures of calls by hand.
func TestBoundOfACall(t *testing.T) {
	t.Parallel()
	const body = `{'model':'claude-opus-4-5','max_tokens':200,'messages':[{'role':'user','content':'hello'}]}`
	usd := func(text string) money.Amount {
		amount, err := money.ParseUSD(text)
		if err != nil {
			t.Fatal(err)
		}
		return amount
	}
	a, rt, _, _ := ask(t, "anthropic", messagesPath, body, nil, 0)
	// Written to the cache for five minutes: 6.25 a million; output: 25.
	want := usd("0.00000625")*money.Amount(len(rt.received)+1024) + usd("0.000025")*200
	if a.bound.Cost < want || a.bound.Cost > want*6/5 {
		t.Errorf("at most %s, want %s, or as much more as a place may cost", a.bound.Cost, want)
	}
	hour := bound(t, "anthropic", messagesPath, strings.Replace(body, "'hello'", "[{'type':'text','text':'hello','cache_control':{'type':'ephemeral','ttl':'1h'}}]", 1))
	if hour.Cost < a.bound.Cost*5/4 {
		t.Errorf("at most %s where the prompt may be written to the cache for an hour", hour.Cost)
	}
	// A snapshot that is dearer than what its name stands for now.
	plain := bound(t, "openai", chatPath, `{'model':'gpt-4o','max_tokens':1}`)
	dated := bound(t, "openai", chatPath, `{'model':'gpt-4o-2024-05-13','max_tokens':1}`)
	if plain.Cost < usd("0.000005")*money.Amount(plain.Input) || dated.Cost < plain.Cost {
		t.Errorf("at most %s, and of its snapshot %s", plain.Cost, dated.Cost)
	}
}

// Who waits is told of every request that may cost something, once, and of no other.
func TestWhoWaitsIsTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path, body string
		upgrade            bool
		asked              int
	}{
		"a call":          {http.MethodPost, chatPath, plainRequest, false, 1},
		"free":            {http.MethodGet, "/v1/models", "", false, 0},
		"counting tokens": {http.MethodPost, "/v1/messages/count_tokens", "{}", false, 0},
		"managing":        {http.MethodDelete, "/api/delete", "{}", false, 0},
		"a form":          {http.MethodPost, "/v1/audio/transcriptions", "--x--", false, 1},
		"a WebSocket":     {http.MethodGet, "/v1/realtime", "", true, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, answer(jsonType, `{}`))
			a := &asker{limits: []int64{0}}
			rt.waiter = a
			ctype := jsonType
			if tc.body == "--x--" {
				ctype = "multipart/form-data; boundary=x"
			}
			if tc.upgrade {
				rt.header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
			}
			rt.do(tc.method, tc.path, ctype, tc.body)
			if a.asked != tc.asked || a.none {
				t.Errorf("told %d times, want %d; nobody to ask: %v", a.asked, tc.asked, a.none)
			}
			if opaque := tc.asked == 1 && tc.path != chatPath; opaque && a.bound.Unbounded != "the gateway cannot read what this request uses" {
				t.Errorf("bound %+v", a.bound)
			}
		})
	}
}
