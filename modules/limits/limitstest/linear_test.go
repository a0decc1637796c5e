// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import "testing"

func TestLinearizable(t *testing.T) {
	t.Parallel()
	count := func(start, end, used int64) operation {
		return operation{start: start, end: end, apply: func(f figures) (figures, bool) {
			f[0]++
			return f, f[0] == used
		}}
	}
	look := func(start, end, used int64) operation {
		return operation{start: start, end: end, apply: func(f figures) (figures, bool) { return f, f[0] == used }}
	}
	tests := []struct {
		name    string
		history []operation
		want    bool
	}{
		{"nothing", nil, true},
		{"in order", []operation{count(1, 2, 1), count(3, 4, 2), look(5, 6, 2)}, true},
		{"written down in another order", []operation{look(5, 6, 2), count(3, 4, 2), count(1, 2, 1)}, true},
		{"a wrong answer", []operation{count(1, 2, 1), look(3, 4, 2)}, false},
		{"an old answer", []operation{count(1, 2, 1), count(3, 4, 2), look(5, 6, 1)}, false},
		{"at once, in either order", []operation{count(1, 4, 2), count(2, 3, 1)}, true},
		{"at once, and both first", []operation{count(1, 4, 1), count(2, 3, 1)}, false},
		{"seen before it has ended", []operation{count(1, 6, 1), look(2, 3, 1), look(4, 5, 1)}, true},
		{"seen, and then not", []operation{count(1, 6, 1), look(2, 3, 1), look(4, 5, 0)}, false},
		{"not seen, and then seen", []operation{count(1, 6, 1), look(2, 3, 0), look(4, 5, 1)}, true},
		{"not seen after it has ended", []operation{count(1, 2, 1), look(3, 4, 0)}, false},
		{"one of many at once", []operation{
			count(1, 20, 3), count(2, 21, 1), count(3, 22, 5), count(4, 23, 2), count(5, 24, 4), look(6, 25, 5), look(7, 26, 0),
		}, true},
		{"one too many of many at once", []operation{
			count(1, 20, 3), count(2, 21, 1), count(3, 22, 5), count(4, 23, 2), count(5, 24, 2), look(6, 25, 5), look(7, 26, 0),
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := linearizable(tt.history); got != tt.want {
				t.Errorf("linearizable() = %v", got)
			}
		})
	}
}
