// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// generated writes the chunks of an answer of Gemini.
type generated struct {
	dst   []byte
	head  []byte // members that each chunk has
	last  []byte // members that only the last one has
	array bool   // the chunks are elements of an array
	parts []byte // where the parts are written that are pieces of others
	n     int
	limit limit
}

// streamGemini writes the chunks of a whole answer: the parts of each candidate, its
// texts in pieces, with the last of which comes the reason why it ended.
func streamGemini(doc []byte, array bool) ([]byte, error) {
	g := &generated{dst: make([]byte, 0, 4*len(doc)+256), array: array, limit: limitOf(doc)}
	var list [][]byte
	err := each(doc, func(name, value []byte) error {
		switch string(name) {
		case "error":
			if !jsonpeek.IsNull(value) {
				return failed("the answer is an error")
			}
		case "candidates":
			list = elements(orEmpty(value))
			return nil
		case "modelVersion", "responseId", "createTime":
			g.head = appendMember(g.head, string(name), value)
			return nil
		}
		g.last = appendMember(g.last, string(name), value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(g.head) > maxHead {
		return nil, unsupported("what each chunk repeats is too long")
	}
	if len(list) == 0 {
		if jsonpeek.IsNull(memberOf(memberOf(doc, "promptFeedback"), "blockReason")) {
			return nil, truncated("no candidate")
		}
		g.open()
		g.close(true)
	}
	for i, raw := range list {
		if err := g.candidate(raw, i == len(list)-1); err != nil {
			return nil, err
		}
	}
	if array {
		g.dst = append(g.dst, ']')
	}
	return g.dst, nil
}

// candidate writes the chunks of a candidate.
func (g *generated) candidate(raw []byte, last bool) error {
	var index, rest, inner, body []byte
	var cut [][]byte
	ended := false
	err := each(raw, func(name, value []byte) error {
		switch string(name) {
		case "index":
			if index = value; len(value) > 20 {
				return malformed("the index of a candidate is no number")
			}
			return nil
		case "content":
			if body = value; jsonpeek.IsNull(value) {
				break
			}
			return each(value, func(name, value []byte) error {
				if string(name) != "parts" || value[0] != '[' {
					inner = appendMember(inner, string(name), value)
					return nil
				}
				return eachOf(value, func(raw []byte) error {
					var err error
					cut, err = g.appendParts(cut, raw)
					return err
				})
			})
		case "finishReason":
			ended = !jsonpeek.IsNull(value)
		}
		rest = appendMember(rest, string(name), value)
		return nil
	})
	switch {
	case err != nil:
		return err
	case !ended:
		return truncated("a candidate has no finish reason")
	case len(inner) > maxHead:
		return unsupported("what each chunk repeats is too long")
	}
	for i := range max(1, len(cut)) {
		if err := g.limit.check(g.dst); err != nil {
			return err
		}
		g.open()
		g.dst = append(appendName(g.dst, "candidates"), "[{"...)
		if !jsonpeek.IsNull(body) {
			g.dst = append(appendName(g.dst, "content"), '{')
			if len(cut) > 0 {
				g.dst = appendElements(appendName(g.dst, "parts"), cut[i:i+1])
			} else if memberOf(body, "parts") != nil {
				g.dst = appendMember(g.dst, "parts", emptyArray)
			}
			g.dst = append(joined(g.dst, inner), '}')
		}
		if index != nil {
			g.dst = appendMember(g.dst, "index", index)
		}
		ends := i >= len(cut)-1
		if ends {
			g.dst = joined(g.dst, rest)
		}
		g.dst = append(g.dst, "}]"...)
		g.close(ends && last)
	}
	return nil
}

// appendParts adds a part in pieces, of which the last has its signature.
func (g *generated) appendParts(cut [][]byte, raw []byte) ([][]byte, error) {
	var words, rest, signature []byte
	others := false
	err := each(raw, func(name, value []byte) error {
		switch string(name) {
		case "text":
			if words = value; value[0] != '"' {
				return unsupported("a text is not a string")
			}
			return nil
		case "thoughtSignature":
			signature = value
			return nil
		case "thought":
		default:
			others = true
		}
		rest = appendMember(rest, string(name), value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := pieces(content(words))
	if others || len(list) < 2 || len(rest) > maxHead {
		return append(cut, raw), nil
	}
	for i, p := range list {
		start := len(g.parts)
		g.parts = joined(appendText(append(g.parts, '{'), "text", p), rest)
		if i == len(list)-1 && signature != nil {
			g.parts = appendMember(g.parts, "thoughtSignature", signature)
		}
		g.parts = append(g.parts, '}')
		cut = append(cut, g.parts[start:len(g.parts):len(g.parts)])
	}
	return cut, nil
}

// open begins a chunk.
func (g *generated) open() {
	switch g.n++; {
	case !g.array:
		g.dst = append(g.dst, "data: {"...)
	case g.n == 1:
		g.dst = append(g.dst, "[{"...)
	default:
		g.dst = append(g.dst, ",\r\n{"...)
	}
}

// close ends a chunk.
func (g *generated) close(last bool) {
	g.dst = joined(g.dst, g.head)
	if last {
		g.dst = joined(g.dst, g.last)
	}
	if g.array {
		g.dst = append(g.dst, '}')
	} else {
		g.dst = append(g.dst, "}\r\n\r\n"...)
	}
}
