// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"net/http"
	"strconv"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// tellUpstream puts what was decided into the headers of the request, in place of what
// anybody else has said there. Where there is no language, only the source says that it
// was looked for.
func tellUpstream(h http.Header, l *state.Language) {
	state.ProtectHeaders(h)
	for i, v := range values(l) {
		if len(v) == 0 {
			delete(h, names[i])
		} else {
			h[names[i]] = v
		}
	}
}

// tellClient puts the same on the answer, in slices of its own: other handlers may write
// into those of the request.
func tellClient(rq *state.Request) {
	for i, v := range values(&rq.Language) {
		rq.Echo(names[i], v)
	}
}

// names are the headers, in the order of values.
var names = [4]string{state.HeaderLanguageSource, state.HeaderLanguage, state.HeaderLanguageConfidence, state.HeaderTargetLanguage}

// values returns the value of each header, none where there is nothing to say.
func values(l *state.Language) (all [len(names)][]string) {
	// One backing array, each slice capped at its own element.
	v := []string{l.Source, string(l.Code), "", string(l.Target)}
	all[0] = v[0:1:1]
	if l.Code == "" {
		return all
	}
	v[2] = confidence(l.Confidence)
	all[1], all[2] = v[1:2:2], v[2:3:3]
	if l.Target != "" {
		all[3] = v[3:4:4]
	}
	return all
}

// confidence writes a probability with two digits.
func confidence(p float32) string {
	switch p {
	case 1:
		return "1.00"
	case 0:
		return "0.00"
	}
	return strconv.FormatFloat(float64(p), 'f', 2, 32)
}
