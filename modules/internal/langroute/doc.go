// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package langroute decides in which language a request is, from what its client says
// and from what its text is identified as, and finds what is configured for a language
// or for a pair of them.
package langroute
