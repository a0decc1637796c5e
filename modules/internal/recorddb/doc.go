// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package recorddb keeps the small records of one gateway: in a file, so that they outlive
// the process (DB), or in its memory alone (Memory).
//
// Both have everything in memory, so that reading costs a look into a map. What a method of
// DB has reported as done is in the file and synced; changes that come while the disk is
// busy share the next sync. A change that cannot be written has not been made, is
// records.ErrUnavailable, and leaves the rest readable.
//
// The room is bounded by number and bytes, and records of one kind (what stands before the
// colon of the key) may take up a half of it. Nothing is dropped to make room but what has
// expired.
package recorddb
