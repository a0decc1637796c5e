// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	stderrors "errors"
	"net/http"

	"github.com/go-oauth2/oauth2/v4/errors"
)

// retryAfter is what clients are told, in seconds, where the store cannot be asked.
const retryAfter = "1"

// failure is a server's own error, kept for its log beside what the client is told.
type failure struct {
	error // what the client is told
	cause error
}

// Unwrap makes the cause visible to errors.Is.
func (f failure) Unwrap() error { return f.cause }

// unavailable is the answer where the server cannot do what it should. Nothing is issued
// and nothing is believed then.
func unavailable(err error) *errors.Response {
	return &errors.Response{
		Error:       failure{errors.ErrTemporarilyUnavailable, err},
		Description: "The authorization server cannot reach what it needs to know; try again later",
		StatusCode:  http.StatusServiceUnavailable,
	}
}

// explain makes an answer of an error of the library, or of what it has asked for.
func explain(err error) *errors.Response {
	switch {
	case stderrors.Is(err, errNoScope):
		return problem(errors.ErrInvalidScope, "You must specify a scope")
	case stderrors.Is(err, errors.ErrInvalidScope):
		return problem(errors.ErrInvalidScope, "A scope is not one of the client's")
	}
	if description, known := errors.Descriptions[err]; known {
		return problem(err, description)
	}
	return unavailable(err)
}

// finishError makes statuses and headers what RFC 6749, section 5.2, asks for.
func finishError(re *errors.Response) {
	switch {
	case stderrors.Is(re.Error, errors.ErrInvalidClient):
		re.StatusCode = http.StatusUnauthorized
		re.SetHeader("Www-Authenticate", `Basic realm="oauth2", charset="UTF-8"`)
	case re.StatusCode == http.StatusServiceUnavailable:
		re.SetHeader("Retry-After", retryAfter)
	default:
		re.StatusCode = http.StatusBadRequest
	}
}

// refuse writes an error.
func refuse(w http.ResponseWriter, re *errors.Response) (Outcome, error) {
	finishError(re)
	outcome := Outcome{Code: re.Error.Error()}
	if f, ok := stderrors.AsType[failure](re.Error); ok {
		outcome.Err = f.cause
	}
	data := map[string]string{"error": re.Error.Error()}
	if re.Description != "" {
		data["error_description"] = re.Description
	}
	return outcome, writeJSON(w, data, re.Header, re.StatusCode)
}
