// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apikey_test

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// A configuration holds the digest; a request presents the key.
func ExampleHash() {
	configured, err := apikey.Parse("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
	fmt.Println(apikey.Hash("abc") == configured, err)
	fmt.Println(apikey.Hash(configured.String()) == configured)
	// Output:
	// true <nil>
	// false
}
