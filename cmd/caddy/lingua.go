// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !nolingua

package main

// The detector of the world's languages adds 131 MB to the program; the tag nolingua
// leaves it out.
import _ "github.com/caddy-gateway/tollgate/modules/lingua"
