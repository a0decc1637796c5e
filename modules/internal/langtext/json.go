// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// JSON collects from a JSON document, which it reads once and validates on the way. The
// text of the paths is in the order of the document, that of the last message of a user
// behind it. Numbers, booleans, null and containers count as absent where a language is
// stated.
//
// It returns the error of jsonpeek.Patterns.Scan, and nothing is found then: a
// *jsonpeek.SyntaxError for what is not strict JSON in UTF-8, and a
// *jsonpeek.DuplicateError for members on the way to a stated language that appear twice
// or in a variant spelling. It allocates nothing once the buffers of f are large enough, unless
// it fails or names of members contain escapes.
func (r *Reader) JSON(doc []byte, f *Found) error {
	f.Reset()
	best := [2]int{noRank, noRank} // ranks of the stated languages
	var c chat
	c[gemini].implied = true
	err := r.patterns.Scan(doc, func(m jsonpeek.Match) {
		switch s := r.sinks[m.Pattern]; s.use {
		case useStated:
			f.Stated = pick(f.Stated, m.Value, s.rank, &best[0])
		case useTarget:
			f.Target = pick(f.Target, m.Value, s.rank, &best[1])
		case useText:
			f.addContent(m.Value)
		default:
			c[s.rank].see(s.use, m)
		}
	})
	if err != nil {
		f.Reset()
		return err
	}
	c.addTo(f)
	return nil
}

// noRank is behind the ranks of all paths.
const noRank = int(^uint(0) >> 1)

// pick takes over a stated language unless an earlier path, or an earlier match of the
// same one, has stated one.
func pick(dst, raw []byte, rank int, best *int) []byte {
	if rank >= *best || !filled(raw) {
		return dst
	}
	*best = rank
	dst, _ = jsonpeek.AppendString(dst[:0], raw, maxStated)
	return dst
}
