// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build race

package limitmem

const raceEnabled = true
