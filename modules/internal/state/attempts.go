// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import "strconv"

// upstreamAttempts is how often reverse_proxy tried an upstream. It says so
// through placeholders: the address of the last one, and, once its loop is
// done, the number of retries. A stream that broke has left the loop by a
// panic, which counts as one attempt.
func (rq *Request) upstreamAttempts() int {
	if rq.repl == nil {
		return 0
	}
	if addr, ok := rq.repl.GetString("http.reverse_proxy.upstream.address"); !ok || addr == "" {
		return 0
	}
	retries, _ := rq.repl.GetString("http.reverse_proxy.retries")
	n, _ := strconv.Atoi(retries)
	return 1 + n
}
