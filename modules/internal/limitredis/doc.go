// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limitredis keeps the counters of limits in Redis.
package limitredis
