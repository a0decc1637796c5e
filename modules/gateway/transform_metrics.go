// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import "github.com/caddy-gateway/tollgate/modules/internal/state"

// Transform is what became of a body that was to be edited. It is a metric label, from a
// closed set.
type Transform string

// What becomes of bodies.
const (
	// TransformEdited: it was edited. TransformUnchanged: nothing in it was to be.
	TransformEdited    Transform = "edited"
	TransformUnchanged Transform = "unchanged"
	// TransformMalformed: it is not what its media type says.
	TransformMalformed Transform = "malformed"
	// TransformTooLarge: it is longer than what is held of one, or edits reach too
	// much of it, or there is no memory left for it.
	TransformTooLarge Transform = "too_large"
	// TransformCoded: its content coding is damaged or not known.
	TransformCoded Transform = "coded"
	// TransformPartial: it is a part of an answer, or has trailers.
	TransformPartial Transform = "partial"
	// TransformUnusable: not a body, but an edit of a body, a header field or a query
	// for which placeholders came to a name or value that cannot be used.
	TransformUnusable Transform = "unusable_value"
)

// CountTransforms counts n bodies or edits of requests or, if answer is set, of answers.
func (a *App) CountTransforms(rq *state.Request, answer bool, outcome Transform, n int) {
	direction := "request"
	if answer {
		direction = "response"
	}
	a.shared.metrics.transforms.WithLabelValues(rq.RouteName(), direction, string(outcome)).Add(float64(n))
}
