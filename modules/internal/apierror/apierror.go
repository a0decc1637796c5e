// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package apierror renders a refusal or failure as the JSON body that the
// client's own API would use, so that an unmodified SDK raises the exception
// its user expects instead of a parse error.
//
// Every shape carries the message; every shape but Kong's carries the
// machine-readable code, when there is one; and every shape carries the
// correlation id as the top-level member request_id, when there is one.
// Members that a shape's own API does not know are ignored by its SDKs.
//
// The package decides nothing: which shape a route speaks, and the headers
// that belong to a status, are the caller's business.
package apierror

import (
	"net/http"
	"strconv"
)

// Shape selects the error body of one client API. The zero value is Problem.
type Shape uint8

const (
	// Problem is application/problem+json of RFC 9457, for routes that speak no
	// API known to the gateway. It also carries the member message, which
	// clients of Kong read.
	Problem Shape = iota
	// OpenAI is the error object of the OpenAI API and those compatible with it.
	OpenAI
	// Anthropic is the error object of the Anthropic API.
	Anthropic
	// Ollama is the error object of Ollama's own API.
	Ollama
	// Gemini is the error object of Google's APIs (google.rpc.Status in JSON).
	Gemini
	// Kong is the error object of Kong Gateway: message and request_id alone.
	Kong
)

// Error is what a body says.
type Error struct {
	// Status is the HTTP status, 400 to 599.
	Status int
	// Code names the cause for programs, in snake_case; empty if there is none.
	Code string
	// Message tells a person what happened. It must hold no secret; the bytes
	// may be anything and are escaped.
	Message string
	// RequestID is the correlation id; empty if there is none.
	RequestID string
}

// String returns the name of s in lower case.
func (s Shape) String() string {
	switch s {
	case OpenAI:
		return "openai"
	case Anthropic:
		return "anthropic"
	case Ollama:
		return "ollama"
	case Gemini:
		return "gemini"
	case Kong:
		return "kong"
	default:
		return "problem"
	}
}

// ContentType returns the value of the Content-Type header of a body of s.
func (s Shape) ContentType() string {
	switch s {
	case OpenAI, Anthropic, Ollama, Gemini:
		return "application/json"
	case Kong:
		return "application/json; charset=utf-8"
	default:
		return "application/problem+json"
	}
}

// Append appends the body of e in shape s to dst and returns the extended
// slice. The result is one valid JSON object in UTF-8 whatever the strings in e
// hold. An unknown shape is rendered as Problem.
func Append(dst []byte, s Shape, e Error) []byte {
	switch s {
	case OpenAI:
		dst = appendOpenAI(dst, e)
	case Anthropic:
		dst = appendAnthropic(dst, e)
	case Ollama:
		dst = append(dst, `{"error":`...)
		dst = appendString(dst, e.Message)
		dst = appendOptional(dst, "code", e.Code)
	case Gemini:
		dst = appendGemini(dst, e)
	case Kong:
		dst = append(dst, `{"message":`...)
		dst = appendString(dst, e.Message)
	default:
		dst = appendProblem(dst, e)
	}
	dst = appendOptional(dst, "request_id", e.RequestID)
	return append(dst, '}')
}

// appendProblem appends the members of RFC 9457, section 3.1. The type is
// about:blank, so the title is the status text, as section 4.2.1 wants it.
func appendProblem(dst []byte, e Error) []byte {
	dst = append(dst, `{"type":"about:blank","title":`...)
	dst = appendString(dst, Title(e.Status))
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, `,"detail":`...)
	dst = appendString(dst, e.Message)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.Message)
	return appendOptional(dst, "code", e.Code)
}

// appendOpenAI writes param and code even when empty: SDKs that generate their
// types from OpenAI's schema require both to be present, as null if need be.
func appendOpenAI(dst []byte, e Error) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = appendString(dst, e.Message)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, openAIType(e.Status))
	dst = append(dst, `,"param":null,"code":`...)
	if e.Code == "" {
		dst = append(dst, `null`...)
	} else {
		dst = appendString(dst, e.Code)
	}
	return append(dst, '}')
}

func appendAnthropic(dst []byte, e Error) []byte {
	dst = append(dst, `{"type":"error","error":{"type":`...)
	dst = appendString(dst, anthropicType(e.Status))
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.Message)
	dst = appendOptional(dst, "code", e.Code)
	return append(dst, '}')
}

// appendGemini writes the code as the reason of a google.rpc.ErrorInfo, the
// place where Google's APIs put theirs.
func appendGemini(dst []byte, e Error) []byte {
	dst = append(dst, `{"error":{"code":`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.Message)
	dst = append(dst, `,"status":`...)
	dst = appendString(dst, geminiStatus(e.Status))
	dst = append(dst, `,"details":[`...)
	if e.Code != "" {
		dst = append(dst, `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":`...)
		start := len(dst)
		dst = appendString(dst, e.Code)
		upperSnake(dst[start:])
		dst = append(dst, `,"domain":"tollgate"}`...)
	}
	return append(dst, `]}`...)
}

// Title returns the status text of RFC 9110 and its companions, with the one
// unregistered status that an LLM provider documents.
func Title(status int) string {
	if status == statusOverloaded {
		return "Overloaded"
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Error"
}
