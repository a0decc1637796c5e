// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/langtext"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// wantsText says that some text is to be identified: who names a detector wants that
// too, of bodies that are nothing but text.
func (h *Handler) wantsText() bool {
	return len(h.Detect)+len(h.DetectForm)+len(h.DetectorsRaw) > 0 || h.LastUserMessage
}

// compile makes of the configuration what requests are handled with. Labels are the
// languages that can be told.
func (h *Handler) compile(detectors []named, labels []languages.Code) error {
	h.bodyFirst = len(h.Body)+len(h.TargetBody) > 0
	h.bodyText = len(h.Detect) > 0 || h.LastUserMessage
	if err := h.checkPlaces(); err != nil {
		return err
	}
	served, err := h.checkLanguages(labels)
	if err != nil {
		return err
	}
	o := langroute.Options{
		Served: served, Unserved: h.Unserved, AcceptLanguage: h.AcceptLanguage,
		Confidence: float32(*h.Confidence), MinLetters: h.MinLetters,
	}
	if h.Fallback != "" {
		o.Fallback, _ = languages.Canonical(h.Fallback) // checked above
	}
	if h.identifies {
		if o.Identifiers, err = identifiers(detectors, served); err != nil {
			return err
		}
	}
	if h.decider, err = langroute.New(o); err != nil {
		return &options.MisuseError{Option: "fallback", Err: err}
	}
	places := langtext.Places{
		Stated: h.Body, Target: h.TargetBody, Text: h.Detect, LastUserMessage: h.LastUserMessage, Form: h.DetectForm,
	}
	if h.reader, err = langtext.Compile(places); err != nil {
		return err
	}
	h.edits, err = compileEdits(h.SetBody, places.Paths())
	return err
}

// checkPlaces checks where languages and texts are looked for, and the numbers.
func (h *Handler) checkPlaces() error {
	for _, list := range []struct {
		option string
		values []string
		check  func(string) error
	}{
		{"body", h.Body, checkPath},
		{"query", h.Query, checkFilled},
		{"header", h.Header, options.CheckHeader},
		{"target_body", h.TargetBody, checkPath},
		{"target_query", h.TargetQuery, checkFilled},
		{"target_header", h.TargetHeader, options.CheckHeader},
		{"detect", h.Detect, checkPath},
		{"detect_form", h.DetectForm, checkFilled},
	} {
		for i, v := range list.values {
			if err := list.check(v); err != nil {
				return &options.MisuseError{Option: list.option, Err: err}
			}
			if slices.Contains(list.values[:i], v) {
				return options.Wrong(list.option, "%q is listed twice", v)
			}
		}
	}
	switch {
	case *h.Confidence < 0 || *h.Confidence > 1 || *h.Confidence != *h.Confidence:
		return options.Wrong("confidence", "%v is no probability; write a number from 0 to 1, such as 0.8", *h.Confidence)
	case h.MinLetters < 1 || h.MinLetters > mostMinLetters:
		return options.Wrong("min_letters", "%d is out of range; it must be from 1 to %d", h.MinLetters, mostMinLetters)
	case h.MaxBody < leastMaxBody || h.MaxBody > mostMaxBody:
		return options.Wrong("max_body", "%d is no size for a body; write a number of bytes from %d to %d", h.MaxBody, leastMaxBody, mostMaxBody)
	case !slices.Contains(acceptModes, h.AcceptLanguage):
		return options.Wrong("accept_language", "%q is not one of: tiebreak, always, off", h.AcceptLanguage)
	case !slices.Contains(unservedModes, h.Unserved):
		return options.Wrong("unserved", "%q is not one of: identify, fallback, reject", h.Unserved)
	}
	return nil
}

var (
	acceptModes   = []langroute.AcceptLanguage{langroute.AcceptTiebreak, langroute.AcceptAlways, langroute.AcceptOff}
	unservedModes = []langroute.Unserved{langroute.UnservedIdentify, langroute.UnservedFallback, langroute.UnservedReject}
)

// checkPath returns an error unless it is the path of values in a JSON document.
func checkPath(path string) error {
	_, err := jsonpeek.NewPatterns(path)
	return err
}

func checkFilled(s string) error {
	if s == "" {
		return errors.New("a name is empty")
	}
	return nil
}

// checkLanguages returns what is served, and checks that all that is written for a
// language can have an effect.
func (h *Handler) checkLanguages(labels []languages.Code) (*langroute.Served, error) {
	hasTarget := len(h.TargetBody)+len(h.TargetQuery)+len(h.TargetHeader) > 0
	var patterns []langroute.Pattern
	for _, name := range h.Languages {
		p, err := langroute.ParsePattern(name)
		if err != nil {
			return nil, &options.MisuseError{Option: "languages", Err: err}
		}
		if p.Target != "" && !hasTarget {
			return nil, options.Wrong("languages", "%s is never served, because nothing says where a target is stated; add target_body, target_query or target_header", p)
		}
		patterns = append(patterns, p)
	}
	served, err := langroute.NewServed(patterns, labels)
	if err != nil {
		return nil, &options.MisuseError{Option: "languages", Err: err}
	}
	if h.Fallback != "" {
		if _, ok := languages.Canonical(h.Fallback); !ok {
			return nil, options.Wrong("fallback", "%q is no language that is known; write a code such as en or mni-Mtei", h.Fallback)
		}
	}
	for _, e := range h.SetBody {
		for name := range e.Values {
			p, err := langroute.ParsePattern(name)
			switch {
			case err != nil:
				return nil, options.Wrong("set_body", "%s: %w", e.Path, err)
			case p.Target != "" && !hasTarget:
				return nil, options.Wrong("set_body", "%s: %s never applies, because nothing says where a target is stated; "+
					"add target_body, target_query or target_header", e.Path, p)
			case !served.Reachable(p):
				return nil, options.Wrong("set_body", "%s: %s never applies, because it is not among the languages that are served (%s); "+
					"add it to languages, or leave it out", e.Path, p, orEvery(served))
			}
		}
	}
	return served, nil
}

// orEvery describes what is served.
func orEvery(s *langroute.Served) string {
	if list := s.String(); list != "" {
		return list
	}
	return "every language, in the scripts that the detectors tell"
}

// splitPath splits the path of one member into its names.
func splitPath(path string) ([]string, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	var (
		names []string
		name  strings.Builder
		start int
	)
	for i := 0; i <= len(path); i++ {
		switch {
		case i == len(path) || path[i] == '.':
			if path[start:i] == "#" {
				return nil, fmt.Errorf("path %q goes through an array; only members of objects can be set", path)
			}
			names = append(names, name.String())
			name.Reset()
			start = i + 1
		case path[i] == '\\':
			i++ // before which checkPath has found something
			fallthrough
		default:
			name.WriteByte(path[i])
		}
	}
	return names, nil
}
