// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"net/http"
)

// shape is how an API writes its errors.
type shape uint8

const (
	shapeOpenAI shape = iota
	shapeAnthropic
	shapeOllama
)

// failure is an answer other than success.
type failure struct {
	status  int
	message string
	param   string // the faulty field; OpenAI's shape shows it
	allow   string // the method that is allowed
}

func (f *failure) Error() string { return f.message }

// invalid is the failure for a request whose field is faulty.
func invalid(param, message string) error {
	return &failure{status: http.StatusBadRequest, param: param, message: message}
}

type openAIError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

type anthropicError struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

type ollamaError struct {
	Error string `json:"error"`
}

// writeError answers with f as the API writes it.
func writeError(w http.ResponseWriter, s shape, f *failure) error {
	if f.allow != "" {
		w.Header().Set("Allow", f.allow)
	}
	switch s {
	case shapeAnthropic:
		e := anthropicError{Type: "error"}
		e.Error.Type, e.Error.Message = anthropicErrorType(f.status), f.message
		return writeJSON(w, f.status, e)
	case shapeOllama:
		return writeJSON(w, f.status, ollamaError{Error: f.message})
	default:
		var e openAIError
		e.Error.Message, e.Error.Type = f.message, openAIErrorType(f.status)
		if f.param != "" {
			e.Error.Param = &f.param
		}
		return writeJSON(w, f.status, e)
	}
}

func openAIErrorType(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}

// anthropicErrorType follows Anthropic's list of HTTP errors, in which 529
// says that the provider is overloaded.
func anthropicErrorType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	case 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}
