// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

// standIns are programs that the test binary is when it is called by their name.
var standIns = map[string]func(args []string) int{}
