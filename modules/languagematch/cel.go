// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagematch

import (
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// CELLibrary makes the matcher a function of CEL expressions. Its arguments are string
// literals, checked when the configuration is loaded.
//
// Example:
//
//	expression language('hi', 'hi>ta')
func (*MatchLanguage) CELLibrary(ctx caddy.Context) (cel.Library, error) {
	return caddyhttp.CELMatcherImpl(
		"language",
		"language_request_list",
		[]*cel.Type{cel.ListType(cel.StringType)},
		func(data ref.Val) (caddyhttp.RequestMatcherWithError, error) {
			list, err := data.ConvertToNative(reflect.TypeFor[[]string]())
			if err != nil {
				return nil, err
			}
			m := &MatchLanguage{Languages: list.([]string)}
			return m, m.Provision(ctx)
		},
	)
}

// Interface guards
var _ caddyhttp.CELLibraryProducer = (*MatchLanguage)(nil)
