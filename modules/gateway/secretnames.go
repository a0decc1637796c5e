// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"sync"
)

// secretNames are those who keep secrets out of logs, and what they are to hide. Both
// grow with configs alone, and neither depends on which package is initialised first.
var secretNames struct {
	sync.Mutex
	hiders         []func(headers, query []string)
	headers, query []string
}

// OnSecretNames registers fn to be told of the names of headers and query parameters that
// carry secrets, those which are known already included. It is meant for init, by packages
// that write logs.
func OnSecretNames(fn func(headers, query []string)) {
	secretNames.Lock()
	defer secretNames.Unlock()
	secretNames.hiders = append(secretNames.hiders, fn)
	fn(secretNames.headers, secretNames.query)
}

// HideInLogs tells the log format gateway that headers and query parameters carry secrets.
// It is meant for Provision. Names are hidden from then on, for as long as the process
// lives, since requests of an old config may still be logged.
func HideInLogs(headers, query []string) {
	secretNames.Lock()
	defer secretNames.Unlock()
	secretNames.headers = addMissing(secretNames.headers, headers)
	secretNames.query = addMissing(secretNames.query, query)
	for _, fn := range secretNames.hiders {
		fn(headers, query)
	}
}

func addMissing(list, names []string) []string {
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
