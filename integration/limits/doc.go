// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limits compares how fast limits are decided in Redis with other libraries
// for Go. They are no dependencies of the gateway; so they are compared here.
package limits
