// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// Ollama's native API: chat and generate, one line per chunk of which the last
// has done set and holds the figures, and embed, one document without done.
// Figures that are zero are left out, so a prompt answered from the cache has
// none. The older embeddings call reports nothing.
// See https://github.com/ollama/ollama/blob/main/docs/api.md.
var ollamaParser = &parser{
	paths: jsonpeek.NewPaths("model", "done", "done_reason", "prompt_eval_count", "eval_count", "error"),
	event: ollamaEvent,
	take:  takeOllama,
	quiet: endsNotDone,
}

func ollamaEvent(m *Meter, name, data []byte) {
	if m.probing() || speaksOfDone(data) {
		m.parse(name, data)
	}
}

func takeOllama(m *Meter, _ []byte) {
	d := &m.doc
	m.known.model.take(&m.report.Model, d.Value(0))
	m.setError(d.Value(5))
	done, _ := jsonpeek.Bool(d.Value(1))
	if m.media != MediaJSON {
		if !done {
			return
		}
		m.end()
	}
	var t tally
	var c Counts
	t.count(d.Value(3), &c[Input])
	t.count(d.Value(4), &c[Output])
	switch string(d.Value(2)) {
	case `"load"`, `"unload"`:
		t.found = true // the model was only moved, which uses no tokens
	}
	m.settle(&t, c)
}
