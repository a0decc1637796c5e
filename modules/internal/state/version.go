// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

// APIVersion is which version of an API a request asks for.
type APIVersion struct {
	// Name is the version, one of the configuration's; empty if none is known.
	Name string
	// Source says, from a closed set, what decided: path, header, query, accept or
	// default. Empty while nothing has decided; with an empty Name it is what the
	// request was refused for.
	Source string
	// Path is the escaped path without the version.
	Path string
}

func (v *APIVersion) placeholder(name string) (any, bool) {
	switch name {
	case "api_version":
		return v.Name, true
	case "api_version.source":
		return v.Source, true
	case "api_version.path":
		return v.Path, true
	}
	return nil, false
}
