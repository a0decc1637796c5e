// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

// estimate is what the gateway has to count for a request of which the upstream has
// told no usage, after some events with text.
func (p *plan) estimate(events int) (c counts) {
	c[input] = int64(p.prompt + p.wire.overhead)
	c[output] = p.said(events)
	if p.wire.name == "embeddings" {
		c[input], c[output] = int64(p.prompt), 0
	}
	return c
}

// partial is what the gateway has to count for a stream that broke after some events.
func (p *plan) partial(events int) counts {
	if p.wire.known != nil {
		if c, ok := p.wire.known(p, events); ok {
			return c
		}
	}
	return p.estimate(events)
}

// verdict is what the account of one request must be.
type verdict struct {
	low, high counts // the same, unless the request broke
	exact     bool   // the provider has told the usage of a complete answer
	estimated bool   // a call whose usage is at least in part counted by the gateway
	failed    bool
}

// expect compares notes of the upstream and of the client about a request.
func (p *plan) expect(s served, got outcome) verdict {
	switch {
	case p.ending == refused || p.ending == hangsUp || p.ending == retried && !got.complete:
		return verdict{failed: true}
	case p.ending == abandoned && p.at < 0:
		c := p.estimate(0)
		return verdict{low: c, high: c, estimated: true, failed: true}
	case p.ending == cut && !p.stream:
		// How much text is in a part of a document, or of its compressed form, is
		// not for a test to find out again.
		return verdict{low: p.estimate(0), high: p.estimate(p.events), estimated: true, failed: true}
	case p.ending == cut:
		c := p.partial(s.left)
		return verdict{low: c, high: c, estimated: true, failed: true}
	case p.ending == abandoned && p.at < p.events:
		return verdict{low: p.partial(got.received), high: p.partial(s.left), estimated: true, failed: true}
	case p.silent:
		c := p.estimate(p.events)
		return verdict{low: c, high: c, estimated: true}
	}
	return verdict{low: p.usage, high: p.usage, exact: true}
}
