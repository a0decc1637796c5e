// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package httpcache is the judgement of an HTTP cache without the cache: given
// a request, what is stored and the time, it says what to do. It holds no
// bodies, reads no clock and does no I/O; the handler around it does.
//
// It follows RFC 9111 (caching), the conditional requests and ranges of RFC
// 9110 as far as a cache answers them, RFC 5861 (stale-while-revalidate and
// stale-if-error), RFC 9213 (targeted fields) and RFC 9211 (Cache-Status).
//
// A [Policy] is compiled once from [Options] and is safe for concurrent use.
// For each request the handler asks [Policy.Request] what the request allows,
// [Policy.Decide] what to do with the stored answer, whose [Meta] it keeps
// beside the stored header fields, and [Policy.Store] whether the answer of the
// origin may be kept. [Policy.Freshen] takes in a 304, [Meta.NotModified] and
// [Meta.Range] answer the client's own conditions from what is stored. None of
// the questions asked for a hit allocates.
//
// Wherever a field is malformed the reading is chosen that reuses less: a
// broken max-age is zero, a broken Expires is past, a broken Age is infinite.
package httpcache
