// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"net/http"
	"strconv"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// tellUpstream puts what was decided into the headers of the request, in place of what
// anybody else has said there.
func tellUpstream(h http.Header, l *state.Language) {
	state.ProtectHeaders(h)
	tell(h, l)
}

// tell puts what was decided into headers. Where there is no language, only the source
// says that it was looked for.
func tell(h http.Header, l *state.Language) {
	delete(h, state.HeaderLanguage)
	delete(h, state.HeaderLanguageConfidence)
	delete(h, state.HeaderTargetLanguage)
	// One backing array for all values, each slice capped at its own element.
	v := []string{l.Source, string(l.Code), "", string(l.Target)}
	h[state.HeaderLanguageSource] = v[0:1:1]
	if l.Code == "" {
		return
	}
	v[2] = confidence(l.Confidence)
	h[state.HeaderLanguage] = v[1:2:2]
	h[state.HeaderLanguageConfidence] = v[2:3:3]
	if l.Target != "" {
		h[state.HeaderTargetLanguage] = v[3:4:4]
	}
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

// teller puts what was decided on the answer, in place of what the upstream says there.
type teller struct{ rq *state.Request }

func (t *teller) tell(h http.Header) { tell(h, &t.rq.Language) }

// ResponseHeader implements state.Tap.
func (t *teller) ResponseHeader(_ int, h http.Header) int64 {
	t.tell(h)
	return 0
}

// ResponseBody implements state.Tap.
func (*teller) ResponseBody([]byte) bool { return false }

// HeldHeader implements state.Tap.
func (*teller) HeldHeader(http.Header) {}

// Interface guards
var _ state.Tap = (*teller)(nil)
