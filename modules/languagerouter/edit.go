// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonedit"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// edit is a compiled Edit.
type edit struct {
	path   []string
	values langroute.Table[value]
}

// value is what a member is set to.
type value struct {
	json []byte // nil if text holds placeholders
	text string
}

// compileEdits makes edits of the configuration. Paths are those of the same bodies that
// are read: a name which differs from one of theirs in case only would have every body
// refused that has both.
func compileEdits(list []Edit, paths []string) ([]edit, error) {
	edits := make([]edit, 0, len(list))
	for _, e := range list {
		names, err := splitPath(e.Path)
		if err != nil {
			return nil, &options.MisuseError{Option: "set_body", Err: err}
		}
		for j, other := range edits {
			if n := min(len(other.path), len(names)); slices.Equal(other.path[:n], names[:n]) {
				return nil, options.Wrong("set_body", "%s is set, and %s as well; one of them would undo the other", list[j].Path, e.Path)
			}
		}
		paths = append(paths, e.Path)
		if _, err := jsonpeek.NewPatterns(paths...); err != nil {
			return nil, &options.MisuseError{Option: "set_body", Err: err}
		}
		if len(e.Values) == 0 {
			return nil, options.Wrong("set_body", "%s: no value is written; add lines of a language and a value, such as: hi asr-hindi", e.Path)
		}
		compiled := edit{path: names}
		for name, text := range e.Values {
			p, err := langroute.ParsePattern(name)
			if err != nil {
				return nil, options.Wrong("set_body", "%s: %w", e.Path, err)
			}
			v := value{text: text}
			if !strings.Contains(text, "{") {
				v.json = quoted(text)
			}
			if err := compiled.values.Add(p, v); err != nil {
				return nil, options.Wrong("set_body", "%s: %w", e.Path, err)
			}
		}
		edits = append(edits, compiled)
	}
	return edits, nil
}

// quoted returns a JSON string.
func quoted(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// edit sets the members that are configured for the language. A body that is not a JSON
// object, or in which the way to a member is barred, stays as it is there.
func (v *visit) edit() error {
	l := &v.rq.Language
	if !v.kind.holdsJSON() {
		return nil
	}
	var doc []byte
	for i := range v.h.edits {
		e := &v.h.edits[i]
		val, ok := e.values.Find(l.Code, l.Target)
		if !ok {
			continue
		}
		if doc == nil {
			if err := v.load(); err != nil {
				return err
			}
			if doc = v.doc; doc == nil {
				v.skipped(e, "the body is no JSON that could be read")
				return nil
			}
		}
		edited, err := jsonedit.Set(doc, e.path, val.resolve(v))
		if dup, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
			return ambiguous(dup)
		}
		if err != nil {
			v.skipped(e, err.Error())
			continue
		}
		doc, v.edited = edited, true
	}
	if v.edited {
		v.rq.SetBody(v.r, doc)
	}
	return nil
}

// resolve returns the value as JSON.
func (val *value) resolve(v *visit) []byte {
	if val.json != nil {
		return val.json
	}
	text := val.text
	if repl, ok := v.r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		text = repl.ReplaceKnown(text, "")
	}
	return quoted(text)
}

// skipped notes that a member is not set.
func (v *visit) skipped(e *edit, why string) {
	if c := v.h.logger.Check(zap.DebugLevel, "body left as it is"); c != nil {
		c.Write(zap.Strings("path", e.path), zap.String("why", why), zap.String("request_id", v.rq.ID()))
	}
}
