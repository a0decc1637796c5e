// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import (
	"github.com/caddy-gateway/tollgate/modules/internal/jsonedit"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// The member of a request that asks a stream for its usage, and its only option
// that matters here.
const (
	optionsName = "stream_options"
	includeName = "include_usage"
)

var (
	askPath   = []string{optionsName, includeName}
	trueValue = []byte("true")
	include   = jsonpeek.NewNames(includeName)
)

// Ask returns the body of a streaming request with stream_options.include_usage
// set to true, and whether that changed anything. Other options stay, and so does
// every byte of the rest. streamOptions is the member as jsonpeek.Scan found it in
// the body, or nil.
//
// Nothing changes if the client asks already, or if the options are of another
// type than the API defines, which the upstream will refuse. The error is a
// *jsonpeek.DuplicateError if it is not clear what the client asks for, and a
// *jsonpeek.SyntaxError if the body has not been through Scan.
func Ask(body, streamOptions []byte) (edited []byte, changed bool, err error) {
	if !jsonpeek.IsNull(streamOptions) {
		if asks, err := asked(streamOptions); asks || err != nil {
			return body, false, err
		}
	}
	edited, err = jsonedit.Set(body, askPath, trueValue)
	if err != nil {
		return body, false, err
	}
	return edited, true, nil
}

// asked reports whether the options ask for usage, or are not such that they can
// be made to.
func asked(raw []byte) (bool, error) {
	if raw[0] != '{' {
		return true, nil
	}
	var out [1][]byte
	if err := jsonpeek.Scan(raw, include, out[:]); err != nil {
		return false, err
	}
	wanted, isBool := jsonpeek.Bool(out[0])
	return wanted || !isBool && !jsonpeek.IsNull(out[0]), nil
}
