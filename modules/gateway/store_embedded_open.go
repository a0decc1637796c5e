// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import "errors"

// Open implements Store.
func (s *EmbeddedStore) Open(env StoreEnv) (OpenStore, error) {
	return nil, errors.New("no counters")
}
