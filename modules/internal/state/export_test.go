// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import "go.uber.org/zap/zapcore"

// LogObject returns what the access log gets of rq.
func LogObject(rq *Request) zapcore.ObjectMarshaler { return logObject{rq} }
