// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// generation is an answer of Gemini that is being put together.
type generation struct {
	top        object
	candidates []*candidate
}

// candidate is one of the answers.
type candidate struct {
	index   int64
	object  object
	content object
	filled  bool // there was a content
	parts   []*part
	spare   *part // one that went into another
}

// part is a part of a content. A plain one is a text that the next one may go on.
type part struct {
	object  object
	plain   bool
	thought bool // of plain ones
	signed  bool // of plain ones: nothing comes after the signature
}

// wholeGemini puts the chunks of an answer together. Each is an answer with pieces of
// the parts; the last one of a candidate says why it ended.
// See https://ai.google.dev/api/generate-content.
func wholeGemini(stream []byte) ([]byte, error) {
	var g generation
	var err error
	if trimmed := bytes.TrimSpace(stream); len(trimmed) > 0 && trimmed[0] == '[' {
		if trimmed[len(trimmed)-1] != ']' {
			return nil, truncated("the array does not end")
		}
		err = eachOf(trimmed, g.chunk)
	} else {
		err = eachPayload(stream, g.chunk)
	}
	if err != nil {
		return nil, err
	}
	return g.document()
}

func (g *generation) chunk(data []byte) error {
	if err := valid(data); err != nil {
		return err
	}
	return each(data, func(name, value []byte) error {
		switch string(name) {
		case "error":
			if !jsonpeek.IsNull(value) {
				return failed("a chunk is an error")
			}
		case "candidates":
			if _, err := g.top.member(name); err != nil || jsonpeek.IsNull(value) {
				return err
			}
			return eachOf(value, g.candidate)
		}
		return g.top.keep(name, value)
	})
}

// candidate adds a piece of a candidate. The first has no index in some answers.
func (g *generation) candidate(raw []byte) error {
	index := int64(0)
	if value := memberOf(raw, "index"); !jsonpeek.IsNull(value) {
		var ok bool
		if index, ok = jsonpeek.Int(value); !ok {
			return malformed("the index of a candidate is no number")
		}
	}
	at := slices.IndexFunc(g.candidates, func(c *candidate) bool { return c.index == index })
	if at < 0 {
		if len(g.candidates) >= maxMembers {
			return unsupported("too many candidates")
		}
		at = len(g.candidates)
		g.candidates = append(g.candidates, &candidate{index: index})
	}
	return each(raw, g.candidates[at].member)
}

func (c *candidate) member(name, value []byte) error {
	switch string(name) {
	case "content":
		if _, err := c.object.member(name); err != nil || jsonpeek.IsNull(value) {
			return err
		}
		c.filled = true
		return each(value, func(name, value []byte) error {
			if string(name) != "parts" {
				return c.content.keep(name, value)
			}
			if _, err := c.content.member(name); err != nil || jsonpeek.IsNull(value) {
				return err
			}
			return eachOf(value, c.part)
		})
	case "logprobsResult":
		if jsonpeek.IsNull(value) {
			return c.object.keep(name, value)
		}
		o, err := c.object.object(name)
		if err != nil {
			return err
		}
		return each(value, func(name, value []byte) error {
			if value[0] == '[' {
				return o.list(name, value)
			}
			return o.keep(name, value)
		})
	case "citationMetadata", "groundingMetadata", "urlContextMetadata":
		return c.object.once(name, value)
	}
	return c.object.keep(name, value)
}

// part adds a part, or goes on with the last one.
func (c *candidate) part(raw []byte) error {
	p := c.spare
	if c.spare = nil; p == nil {
		p = &part{}
	}
	*p = part{object: object{members: p.object.members[:0]}}
	others := false
	err := each(raw, func(name, value []byte) error {
		switch string(name) {
		case "text":
			p.plain = len(value) > 1 && value[0] == '"'
			return p.object.text(name, value)
		case "thought":
			p.thought, _ = jsonpeek.Bool(value)
		case "thoughtSignature":
			p.signed = !jsonpeek.IsNull(value)
		case "functionCall":
			if memberOf(value, "partialArgs") != nil || memberOf(value, "willContinue") != nil {
				return unsupported("arguments that are streamed by paths")
			}
			others = true
		default:
			others = true
		}
		return p.object.set(name, value)
	})
	if err != nil {
		return err
	}
	if p.plain = p.plain && !others; !p.plain || len(c.parts) == 0 {
		c.parts = append(c.parts, p)
		return nil
	}
	c.spare = p
	words := p.object.find(textName).buf
	last := c.parts[len(c.parts)-1]
	if !last.plain || last.signed || last.thought != p.thought {
		if len(words) > 0 || p.signed {
			c.parts, c.spare = append(c.parts, p), nil
		}
		return nil
	}
	m := last.object.find(textName)
	m.buf = append(m.buf, words...)
	if p.signed {
		last.signed = true
		return last.object.set(signatureName, p.object.find(signatureName).buf)
	}
	return nil
}

// document returns what the chunks amount to.
func (g *generation) document() ([]byte, error) {
	blocked := memberOf(orNothing(g.top.find([]byte("promptFeedback"))), "blockReason")
	if len(g.candidates) == 0 && jsonpeek.IsNull(blocked) {
		return nil, truncated("no candidate")
	}
	slices.SortFunc(g.candidates, func(a, b *candidate) int { return cmp.Compare(a.index, b.index) })
	items := make([]*object, len(g.candidates))
	for i, c := range g.candidates {
		if m := c.object.find([]byte("finishReason")); m == nil || m.null() {
			return nil, truncated("a candidate has no finish reason")
		}
		if at := c.content.find(partsName); at != nil {
			at.form = objects
			for _, p := range c.parts {
				at.items = append(at.items, &p.object)
			}
		}
		if at := c.object.find(contentName); at != nil && c.filled {
			at.form, at.items = nested, []*object{&c.content}
		}
		items[i] = &c.object
	}
	if len(items) > 0 {
		if err := g.top.array([]byte("candidates"), items); err != nil {
			return nil, err
		}
	}
	return g.top.append(make([]byte, 0, g.top.size())), nil
}

// orNothing returns the value of a member, an empty object for none.
func orNothing(m *member) []byte {
	if m == nil || m.null() {
		return emptyObject
	}
	return m.buf
}

var (
	textName      = []byte("text")
	partsName     = []byte("parts")
	signatureName = []byte("thoughtSignature")
)
