// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package langid tells in which of India's scheduled languages, in English or in
// romanised Hindi a text is written, in microseconds and without allocating.
//
// The script decides what it can. Among languages that share one, a linear model over
// hashed n-grams of letters decides, whose tables are embedded and used where they lie.
// The command in the directory train makes them, see docs/language-identification.md.
package langid
