// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// request is a call in a test: the body is written with single quotes.
type request struct {
	format    usage.Format
	operation string
	provider  string
	model     string
	fixed     bool
	body      string
}

func (r request) call() *Call {
	return &Call{
		Format: r.format, Operation: r.operation, Provider: r.provider, Model: r.model, Fixed: r.fixed,
		Body: []byte(strings.ReplaceAll(r.body, "'", `"`)),
	}
}

func chat(body string) request {
	return request{format: usage.OpenAIChat, operation: "chat", provider: "openai", body: body}
}

func chatAt(provider, body string) request {
	r := chat(body)
	r.provider = provider
	return r
}

func ofResponses(body string) request {
	return request{format: usage.OpenAIResponses, operation: "responses", provider: "openai", body: body}
}

func ofMessages(body string) request {
	return request{format: usage.AnthropicMessages, operation: "messages", provider: "anthropic", body: body}
}

func ofOllama(body string) request {
	return request{format: usage.OllamaNative, operation: "chat", provider: "ollama", body: body}
}

func ofGemini(body string) request {
	return request{format: usage.Gemini, operation: "generate", provider: "gemini", model: "gemini-2.5-flash", body: body}
}

func TestLimitsAreRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request   request
		perAnswer int64
		total     int64 // for answers of 10 tokens
		drawn     bool
	}{
		"chat, nothing":                          {chat(`{}`), None, 10, false},
		"chat, null":                             {chat(`{'max_tokens':null,'max_completion_tokens':null,'n':null}`), None, 10, false},
		"chat, the older name":                   {chat(`{'max_tokens':5}`), 5, 10, false},
		"chat, the newer name":                   {chat(`{'max_completion_tokens':5,'n':3}`), 5, 30, false},
		"chat, both":                             {chat(`{'max_completion_tokens':5,'max_tokens':7}`), 7, 10, false},
		"chat, zero":                             {chat(`{'max_tokens':0}`), 0, 10, false},
		"chat, enormous":                         {chat(`{'max_tokens':99999999999999999999}`), mostTokens, 10, false},
		"chat, the best of several":              {chat(`{'n':2,'best_of':4}`), None, 40, false},
		"chat, a prediction":                     {chat(`{'prediction':{'type':'content','content':'abc'},'n':2}`), None, 2 * (10 + 34), false},
		"chat with sound":                        {chat(`{'max_tokens':5,'modalities':['text','audio']}`), 5, 10, true},
		"chat in text":                           {chat(`{'max_tokens':5,'modalities':['text']}`), 5, 10, false},
		"another server, the older name":         {chatAt("vllm", `{'max_tokens':5}`), 5, 10, false},
		"another server, zero":                   {chatAt("vllm", `{'max_tokens':0}`), None, 10, false},
		"another server, the newer name":         {chatAt("vllm", `{'max_completion_tokens':5}`), None, 10, false},
		"another server, both":                   {chatAt("vllm", `{'max_completion_tokens':9,'max_tokens':7}`), 9, 10, false},
		"another server, a name of its own":      {chatAt("llamacpp", `{'n_predict':-1,'max_tokens':7}`), mostTokens, 10, false},
		"a name that the provider does not know": {chat(`{'n_predict':-1,'max_tokens':7}`), 7, 10, false},
		"xai, the newer name":                    {chatAt("xai", `{'max_completion_tokens':5}`), 5, 10, false},
		"completions":                            {request{format: usage.OpenAIChat, operation: "completions", provider: "openai", body: `{'prompt':['a','b'],'n':2,'max_tokens':6}`}, 6, 40, false},
		"completions of tokens":                  {request{format: usage.OpenAIChat, operation: "completions", provider: "openai", body: `{'prompt':[1,2,3]}`}, None, 10, false},
		"responses":                              {ofResponses(`{'max_output_tokens':8}`), 8, 10, false},
		"responses, nothing":                     {ofResponses(`{'max_tokens':8}`), None, 10, false},
		"responses, compacted":                   {request{format: usage.OpenAIResponses, operation: "responses", fixed: true, body: `{'max_output_tokens':8}`}, None, 10, false},
		"messages":                               {ofMessages(`{'max_tokens':9,'thinking':{'type':'enabled','budget_tokens':4}}`), 9, 10, false},
		"messages, zero":                         {ofMessages(`{'max_tokens':0}`), 0, 10, false},
		"ollama":                                 {ofOllama(`{'options':{'num_predict':4,'seed':1}}`), 4, 10, false},
		"ollama without end":                     {ofOllama(`{'options':{'num_predict':-2}}`), None, 10, false},
		"ollama, zero":                           {ofOllama(`{'options':{'num_predict':0}}`), None, 10, false},
		"ollama, null":                           {ofOllama(`{'options':null}`), None, 10, false},
		"gemini":                                 {ofGemini(`{'generationConfig':{'maxOutputTokens':4,'candidateCount':2}}`), 4, 20, false},
		"gemini in the other spelling":           {ofGemini(`{'generation_config':{'max_output_tokens':4,'candidate_count':2}}`), 4, 20, false},
		"gemini, zero":                           {ofGemini(`{'generationConfig':{'maxOutputTokens':0,'candidateCount':0}}`), None, 10, false},
		"gemini with images":                     {ofGemini(`{'generationConfig':{'maxOutputTokens':4,'responseModalities':['TEXT','IMAGE']}}`), 4, 10, true},
		"gemini, a model that draws":             {request{format: usage.Gemini, operation: "generate", model: "gemini-2.5-flash-image", body: `{}`}, None, 10, true},
		"embeddings":                             {request{format: usage.OpenAIEmbeddings, operation: Embeddings, body: `{'input':'x','max_tokens':'x'}`}, None, 10, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := Bound(tc.request.call())
			if err != nil {
				t.Fatal(err)
			}
			if b.PerAnswer() != tc.perAnswer || b.Total(10) != tc.total || b.Drawn != tc.drawn {
				t.Errorf("%d per answer, %d in all, drawn %v; want %d, %d, %v", b.PerAnswer(), b.Total(10), b.Drawn, tc.perAnswer, tc.total, tc.drawn)
			}
			if b.Unbounded != "" || b.Refers != "" {
				t.Errorf("unbounded %q, refers to %q", b.Unbounded, b.Refers)
			}
		})
	}
}

func TestLimitsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request request
		field   string // of a FieldError, else of a duplicate
		double  bool
	}{
		"text":                          {chat(`{'max_tokens':'5'}`), "max_tokens", false},
		"a fraction":                    {chat(`{'max_completion_tokens':1.5}`), "max_completion_tokens", false},
		"an exponent":                   {chat(`{'max_tokens':1e3}`), "max_tokens", false},
		"negative":                      {ofMessages(`{'max_tokens':-1}`), "max_tokens", false},
		"no answers":                    {chat(`{'n':0}`), "n", false},
		"answers in text":               {chat(`{'best_of':'2'}`), "best_of", false},
		"responses":                     {ofResponses(`{'max_output_tokens':true}`), "max_output_tokens", false},
		"a budget in text":              {ofMessages(`{'thinking':{'budget_tokens':'x'}}`), "budget_tokens", false},
		"thinking that is no object":    {ofMessages(`{'thinking':true}`), "thinking", false},
		"options that are no object":    {ofOllama(`{'options':[]}`), "options", false},
		"options in text":               {ofOllama(`{'options':{'num_predict':'5'}}`), "num_predict", false},
		"a configuration that is text":  {ofGemini(`{'generationConfig':'x'}`), "generationConfig", false},
		"candidates":                    {ofGemini(`{'generationConfig':{'candidateCount':-1}}`), "candidateCount", false},
		"gemini, negative":              {ofGemini(`{'generationConfig':{'maxOutputTokens':-4}}`), "maxOutputTokens", false},
		"messages twice":                {chat(`{'messages':[],'messages':[]}`), "messages", true},
		"tools in capitals":             {chat(`{'tools':[],'Tools':[]}`), "tools", true},
		"options twice":                 {ofOllama(`{'options':{},'Options':{}}`), "options", true},
		"num_predict twice":             {ofOllama(`{'options':{'num_predict':1,'num_predict':2}}`), "num_predict", true},
		"num_predict escaped":           {ofOllama(`{'options':{'num_predict':1,'num_pr\u0065dict':2}}`), "num_predict", true},
		"both spellings":                {ofGemini(`{'generationConfig':{},'generation_config':{}}`), "generationConfig", true},
		"both spellings of the limit":   {ofGemini(`{'generationConfig':{'maxOutputTokens':1,'max_output_tokens':2}}`), "maxOutputTokens", true},
		"the limit in another spelling": {ofGemini(`{'generationConfig':{'MaxOutputTokens':1}}`), "maxOutputTokens", true},
		"budgets twice":                 {ofMessages(`{'thinking':{'budget_tokens':1,'budget_tokens':2}}`), "budget_tokens", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Bound(tc.request.call())
			if tc.double {
				if dup, ok := errors.AsType[*jsonpeek.DuplicateError](err); !ok || dup.Name != tc.field {
					t.Errorf("error %v, want that %s is there twice", err, tc.field)
				}
				return
			}
			if field, ok := errors.AsType[*FieldError](err); !ok || field.Name != tc.field {
				t.Errorf("error %v, want one about %s", err, tc.field)
			}
		})
	}
}

func TestWhatIsNotBoundedByBytes(t *testing.T) {
	t.Parallel()
	const data = "'data:image/png;base64,AAAAAAAA'"
	tests := map[string]struct {
		request   request
		refers    string // "": nothing
		unbounded string
		images    int64
	}{
		"text":                  {request: chat(`{'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':null,'tool_calls':[{'id':'1','type':'function','function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'1','content':[{'type':'text','text':'x'}]}]}`)},
		"an image":              {request: chat(`{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':` + data + `,'detail':'low'}}]}]}`), images: 50_000},
		"images by address":     {request: chat(`{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://x.test/a'}},{'type':'image_url','image_url':{'url':'https://x.test/b'}}]}]}`), images: 100_000},
		"an image with surplus": {request: chat(`{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':` + data + `,'url':'x'}}]}]}`), refers: "else than text"},
		"two types":             {request: chat(`{'messages':[{'role':'user','content':[{'type':'text','type':'image_url','image_url':{'url':` + data + `}}]}]}`), refers: "cannot be read"},
		"an escaped type":       {request: chat(`{'messages':[{'role':'user','content':[{'type':'te\u0078t','text':'x'}]}]}`), refers: "else than text"},
		"sound":                 {request: chat(`{'messages':[{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'AA','format':'wav'}}]}]}`), refers: "else than text"},
		"sound of before":       {request: chat(`{'messages':[{'role':'assistant','audio':{'id':'a1'}}]}`), refers: "else than text"},
		"no sound":              {request: chat(`{'messages':[{'role':'assistant','content':'x','audio':null}]}`)},
		"a file":                {request: chat(`{'messages':[{'role':'user','content':[{'type':'file','file':{'file_id':'f'}}]}]}`), refers: "else than text"},
		"a template":            {request: chatAt("vllm", `{'chat_template':'x'}`), refers: "template"},
		"functions":             {request: chat(`{'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object','properties':{'image_url':{'type':'string'}}}}},{'type':'custom','custom':{'name':'c'}}]}`)},
		"a search":              {request: chat(`{'web_search_options':{}}`), unbounded: "search"},
		"no search":             {request: chat(`{'web_search_options':null,'enable_search':false}`)},
		"a model that searches": {request: request{format: usage.OpenAIChat, operation: "chat", model: "gpt-4o-search-preview", body: `{}`}, unbounded: "searches"},
		"a tool of a provider":  {request: chat(`{'tools':[{'type':'web_search'}]}`), unbounded: "tools"},
		"a tool of two types":   {request: chat(`{'tools':[{'type':'web_search','type':'function'}]}`), unbounded: "tools"},
		"a tool of no type":     {request: ofResponses(`{'tools':[{}]}`), unbounded: "tools"},
		"tools that are none":   {request: chat(`{'tools':{'type':'function'}}`), unbounded: "tools"},
		"in the background":     {request: ofResponses(`{'background':true}`), unbounded: "background"},
		"in the foreground":     {request: ofResponses(`{'background':false,'previous_response_id':null,'input':'x'}`)},
		"an earlier answer":     {request: ofResponses(`{'previous_response_id':'r1'}`), refers: "earlier"},
		"a conversation":        {request: ofResponses(`{'conversation':'c1'}`), refers: "earlier"},
		"a stored prompt":       {request: ofResponses(`{'prompt':{'id':'p1'}}`), unbounded: "stored prompt"},
		"items":                 {request: ofResponses(`{'input':[{'role':'user','content':[{'type':'input_text','text':'x'}]},{'type':'function_call','call_id':'1','name':'f','arguments':'{}'},{'type':'function_call_output','call_id':'1','output':'x'}]}`)},
		"an item that is stored": {
			request: ofResponses(`{'input':[{'type':'item_reference','id':'m1'}]}`),
			refers:  "else than text",
		},
		"reasoning of before": {request: ofResponses(`{'input':[{'type':'reasoning','id':'r1','summary':[]}]}`), refers: "else than text"},
		"an input image":      {request: ofResponses(`{'input':[{'role':'user','content':[{'type':'input_image','image_url':` + data + `}]}]}`), images: 50_000},
		"an image that is kept": {
			request: ofResponses(`{'input':[{'role':'user','content':[{'type':'input_image','file_id':'f'}]}]}`),
			refers:  "else than text",
		},
		"code interpreter":  {request: ofResponses(`{'tools':[{'type':'code_interpreter','container':{'type':'auto'}}]}`), unbounded: "tools"},
		"file search":       {request: ofResponses(`{'tools':[{'type':'file_search'}]}`), unbounded: "tools"},
		"mcp":               {request: ofResponses(`{'tools':[{'type':'mcp','server_url':'https://x.test'}]}`), unbounded: "tools"},
		"computer use":      {request: ofResponses(`{'tools':[{'type':'computer_use_preview'}]}`), refers: "definition"},
		"blocks":            {request: ofMessages(`{'system':[{'type':'text','text':'s','cache_control':{'type':'ephemeral'}}],'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'1','content':[{'type':'text','text':'x'}]}]},{'role':'assistant','content':[{'type':'tool_use','id':'1','name':'f','input':{'source':1,'file_id':2}}]}]}`)},
		"an image block":    {request: ofMessages(`{'messages':[{'role':'user','content':[{'type':'image','source':{'type':'base64','media_type':'image/png','data':'AAAA'}}]}]}`), images: 5000},
		"a document":        {request: ofMessages(`{'messages':[{'role':'user','content':[{'type':'document','source':{'type':'file','file_id':'f'}}]}]}`), refers: "else than text"},
		"a stored image":    {request: ofMessages(`{'messages':[{'role':'user','content':[{'type':'image','source':{'type':'file','file_id':'f'}}]}]}`), refers: "else than text"},
		"own tools":         {request: ofMessages(`{'tools':[{'name':'f','input_schema':{}},{'type':'custom','name':'g','input_schema':{}}]}`)},
		"bash":              {request: ofMessages(`{'tools':[{'type':'bash_20250124','name':'bash'}]}`), refers: "definition"},
		"web fetch":         {request: ofMessages(`{'tools':[{'type':'web_fetch_20250910','name':'f'}]}`), unbounded: "tools"},
		"mcp servers":       {request: ofMessages(`{'mcp_servers':[{}]}`), unbounded: "tools"},
		"context cleared":   {request: ofMessages(`{'context_management':{'edits':[{'type':'clear_tool_uses_20250919'}]}}`)},
		"context compacted": {request: ofMessages(`{'context_management':{'edits':[{'type':'compact_20260112'}]}}`), unbounded: "context"},
		"fast":              {request: ofMessages(`{'speed':'fast'}`), unbounded: "speed"},
		"not fast":          {request: ofMessages(`{'speed':'standard'}`)},
		"parts":             {request: ofGemini(`{'contents':[{'role':'user','parts':[{'text':'x'},{'functionResponse':{'name':'f','response':{'fileData':1}}}]}]}`)},
		"inline data":       {request: ofGemini(`{'contents':[{'parts':[{'inlineData':{'mimeType':'image/png','data':'AA'}}]}]}`), refers: "image"},
		"file data":         {request: ofGemini(`{'contents':[{'parts':[{'fileData':{'fileUri':'x'}}]}]}`), refers: "else than text"},
		"cached content":    {request: ofGemini(`{'cachedContent':'cachedContents/1'}`), unbounded: "cached"},
		"declarations":      {request: ofGemini(`{'tools':[{'functionDeclarations':[{'name':'f'}]}]}`)},
		"google search":     {request: ofGemini(`{'tools':[{'functionDeclarations':[]},{'googleSearch':{}}]}`), unbounded: "tools"},
		"an ollama image":   {request: ofOllama(`{'messages':[{'role':'user','content':'x','images':['AA']}]}`), refers: "else than text"},
		"images in capitals": {
			request: ofOllama(`{'messages':[{'role':'user','content':'x','IMAGES':['AA']}]}`),
			refers:  "else than text",
		},
		"an image to generate with": {request: request{format: usage.OllamaNative, operation: "generate", body: `{'images':['AA'],'context':[1,2]}`}, refers: "image"},
		"what is to be embedded":    {request: request{format: usage.Gemini, operation: Embeddings, body: `{'requests':[{'content':{'parts':[{'inlineData':{}}]}}]}`}, refers: "image"},
		"an image to be embedded":   {request: request{format: usage.OpenAIEmbeddings, operation: Embeddings, body: `{'input':['x',{'image':'AA'}]}`}, refers: "else than text"},
		"deep content":              {request: chat(`{'messages':[{'role':'user','content':` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]}`), refers: "within"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := tc.request.call()
			b, err := Bound(call)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.Refers, tc.refers) || (b.Refers == "") != (tc.refers == "") {
				t.Errorf("refers to %q, want %q", b.Refers, tc.refers)
			}
			if !strings.Contains(b.Unbounded, tc.unbounded) || (b.Unbounded == "") != (tc.unbounded == "") {
				t.Errorf("unbounded because %q, want %q", b.Unbounded, tc.unbounded)
			}
			if b.Media != (tc.refers != "" || tc.images > 0) {
				t.Errorf("media %v", b.Media)
			}
			if tc.images > 0 && (b.Input < tc.images || b.Input > tc.images+int64(len(call.Body))+hidden) {
				t.Errorf("%d tokens for %d of images", b.Input, tc.images)
			}
		})
	}
}

func TestInputIsBytesAndMore(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request request
		extra   int64 // beyond the bytes of the body and what is hidden
	}{
		"ascii":             {chat(`{'messages':[{'role':'user','content':'hello'}]}`), 0},
		"tools count twice": {chat(`{'tools':[{'type':'function'}]}`), hiddenTools + 21},
		"schemas too":       {chat(`{'response_format':{'type':'text'}}`), 15},
		"chinese":           {chat(`{'messages':[{'role':'user','content':'你好'}]}`), 0},
		"a ligature":        {chat(`{'messages':[{'role':'user','content':'ﷺ'}]}`), 30},
		"an escaped one":    {chat(`{'messages':[{'role':'user','content':'\uFDFA\u3316'}]}`), 27 + 12},
		"a squared word":    {chat(`{'messages':[{'role':'user','content':'㌖'}]}`), 15},
		"image data does not count": {
			ofMessages(`{'messages':[{'role':'user','content':[{'type':'image','source':{'type':'base64','data':'` + strings.Repeat("A", 998) + `'}}]}]}`),
			5000 - 1000,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := tc.request.call()
			b, err := Bound(call)
			if err != nil {
				t.Fatal(err)
			}
			if want := int64(len(call.Body)) + hidden + tc.extra; b.Input != want {
				t.Errorf("%d tokens, want %d", b.Input, want)
			}
		})
	}
}

func BenchmarkBound(b *testing.B) {
	message := `{"role":"user","content":"` + strings.Repeat(strings.Join(words, ""), 8) + `"}`
	call := chat("")
	c := call.call()
	c.Body = []byte(`{"model":"gpt-4o","max_tokens":100,"messages":[` + strings.TrimSuffix(strings.Repeat(message+",", 20_000/len(message)), ",") + `]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(c.Body)))
	for b.Loop() {
		if _, err := Bound(c); err != nil {
			b.Fatal(err)
		}
	}
}
