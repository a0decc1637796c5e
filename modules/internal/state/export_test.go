// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"testing"

	"go.uber.org/zap/zapcore"
)

// LogObject returns what the access log gets of rq.
func LogObject(rq *Request) zapcore.ObjectMarshaler { return logObject{rq} }

// LeaveBudget makes n more bytes available to bodies and held answers, for the
// length of a test that does not run in parallel.
func LeaveBudget(t *testing.T, n int64) {
	t.Helper()
	was, limit := bufferLimit, Buffered()+n
	bufferLimit = func() int64 { return limit }
	t.Cleanup(func() { bufferLimit = was })
}

// Enter adds rq to the requests that l is serving, as Serve does.
func Enter(l *Live, rq *Request) { l.enter(rq) }

// Leave removes rq again.
func Leave(rq *Request) { rq.live.leave() }

// ErrBroken is what a handler gets that writes on after a break.
var ErrBroken = errBroken
