// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// logprobs are the log probabilities of a choice, in as many shares as its text has
// pieces. Its lists have an element for each token.
type logprobs struct {
	given  bool
	none   bool // null, as answers have it that were not asked for them
	names  []string
	plain  [][]byte   // what is not a list
	lists  [][][]byte // what is
	shares int        // in how many they go
	spent  bool       // pieces have them
}

func (l *logprobs) read(raw []byte) error {
	l.given, l.shares = true, 1
	if l.none = jsonpeek.IsNull(raw); l.none {
		return nil
	}
	return each(raw, func(name, value []byte) error {
		if len(name) > 64 || len(l.names) > 16 || value[0] != '[' && len(value) > 64 {
			return unsupported("log probabilities of another form")
		}
		l.names = append(l.names, string(name))
		if value[0] == '[' {
			l.plain, l.lists = append(l.plain, nil), append(l.lists, elements(value))
		} else {
			l.plain, l.lists = append(l.plain, value), append(l.lists, nil)
		}
		return nil
	})
}

// share says among how many pieces they go. If there are none, they come with the
// reason why it ended.
func (l *logprobs) share(n int) {
	l.shares, l.spent = max(n, 1), n > 0
}

// append writes the share of a piece; a negative one has none.
func (l *logprobs) append(dst []byte, share int) []byte {
	switch {
	case !l.given:
		return dst
	case l.none, share < 0:
		return appendMember(dst, "logprobs", null)
	}
	dst = append(appendName(dst, "logprobs"), '{')
	for i, name := range l.names {
		if l.plain[i] != nil {
			dst = appendMember(dst, name, l.plain[i])
		} else {
			dst = appendElements(appendName(dst, name), pieceOf(l.lists[i], share, l.shares))
		}
	}
	return append(dst, '}')
}

// rest writes what no piece has had.
func (l *logprobs) rest(dst []byte) []byte {
	if l.spent {
		return l.append(dst, -1)
	}
	return l.append(dst, 0)
}
