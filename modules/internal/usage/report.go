// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "github.com/caddy-gateway/tollgate/modules/internal/money"

// Report is what a response said about itself.
type Report struct {
	// Counts holds the units used, in disjoint classes.
	Counts Counts

	// Model is the model that answered, the last one named. It is empty when
	// the response names none or one longer than 256 bytes.
	Model string

	// ServiceTier is the tier that served the request, as the provider spells it.
	ServiceTier string

	// Geo is where the request was served, if the provider says so.
	Geo string

	// Found is set once the provider reported usage. Without it the Counts are
	// zero and mean nothing.
	Found bool

	// OutputPartial is set while the output in Counts is a placeholder from the
	// start of a stream. Only the input is then the provider's count.
	OutputPartial bool

	// Final is set once usage was reported that nothing can add to, though the
	// stream has not shown its end: in OpenAI's last chunk, or Anthropic's
	// message_delta.
	Final bool

	// Complete is set once the terminal event, or the whole document, was seen.
	Complete bool

	// Malformed is set when bytes or numbers were not what the format promises.
	// Counts then hold what could be made of the rest.
	Malformed bool

	// Failed is set when the body carried an error, be it an event or an object.
	Failed bool

	// ReportedCost is the cost that the provider named, valid if HasReportedCost.
	ReportedCost    money.Amount
	HasReportedCost bool
}
