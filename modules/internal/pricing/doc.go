// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package pricing turns token counts into exact costs.
//
// A Book holds the prices of models. Its own file format is JSON with decimal
// strings in USD per million tokens, the unit the vendors publish:
//
//	{ "schema": 1, "as_of": "2026-11-21", "unit": "USD_per_1M_tokens",
//	  "note": "free text", "sources": {"vendor": "free text"},
//	  "models": [
//	    { "id": "example-large", "provider": "example",
//	      "match": ["example-large-preview", "example-large-eu-*"],
//	      "max_input": 200000, "max_output": 64000, "source": "vendor",
//	      "prices": [
//	        { "input": "3", "output": "15" },
//	        { "from": "2026-08-16T16:00:00Z", "source": "vendor",
//	          "input": "2", "output": "10", "cache_read": "0.2",
//	          "cache_write": "2.5", "cache_write_1h": "4",
//	          "tiers": [{"input_tokens_gt": 200000, "input": "4", "output": "15"}],
//	          "windows": [{"name": "peak", "tz": "UTC", "days": "mon-fri",
//	                       "hours": ["01:00-04:00"], "except": ["2026-10-01"],
//	                       "input": "4", "output": "20"}],
//	          "batch": {"input": "1", "output": "5"},
//	          "fees": {"web_search": "0.01"},
//	          "multipliers": {"inference_geo=us": "1.1"} } ] } ] }
//
// # Rows
//
// A model has one or more rows in the order of "from", the instant (RFC 3339,
// or a date for midnight UTC) at which a row takes effect; the first row may
// leave it out. Before the first instant the first row applies.
//
// # Refinements of a row
//
//   - tiers: by the tokens of the whole prompt, cached ones included, above
//     ("input_tokens_gt") or from ("input_tokens_ge") a threshold. The whole
//     request, output included, is priced at the highest tier it reaches.
//   - windows: by the time a request started, in the zone "tz" (zones other
//     than "UTC" need the time zone database of the machine). Hours are
//     half-open ("01:00-04:00" ends before 04:00); a span that ends before it
//     starts runs past midnight and belongs to the day of its start. "days"
//     ("mon-fri", "sat,sun", default all) names days of the week, and "except"
//     dates on which the window stays shut.
//   - batch, flex, priority: by the service tier the provider reports having
//     used. Other tier names are priced as standard. Their own prices hold at
//     any hour.
//
// A class a refinement leaves out keeps the price of the row, with two
// exceptions: an inherited cache_read never exceeds the refinement's input
// price, and a refinement that sets output sets reasoning too. Where a service
// tier or window has no tiers of its own, a long prompt is priced at the
// dearer of its price and the tier's price, class by class, because no price
// is published and a charge must not be understated.
//
// # Classes without a price
//
// What still lacks a price falls back: reasoning, output_audio and
// output_image to output; cache_read, cache_write, input_audio and input_image
// to input; cache_write_1h to cache_write; web_search to zero. A price is
// never derived from another by a factor.
//
// # Multipliers
//
// "inference_geo=us" multiplies the price of all tokens (not fees) of a
// request that the provider reports having served there. The product is
// rounded up once, to the next pico-dollar.
package pricing
