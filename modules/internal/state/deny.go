// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Denial is an answer that the gateway gives instead of the upstream's. It
// travels as the error of a caddyhttp.HandlerError to the outermost gateway
// handler, which renders it; matchers of handle_errors see its status.
type Denial struct {
	// Status is the HTTP status.
	Status int
	// Code is the machine-readable reason, snake_case, from a closed set: it
	// becomes a metric label.
	Code string
	// Message says what is wrong and what to do, in words for people. It
	// never holds a credential.
	Message string
	// RetryAfter becomes the Retry-After header, in whole seconds rounded up.
	RetryAfter time.Duration
	// Allow becomes the Allow header of a 405.
	Allow string
	// KongBody is the whole body where the answer is one of Kong's: a plugin of Kong that
	// says more than a message, or less than that and the request's id. Default: these two.
	KongBody string
}

// Error is the code and the message.
func (d *Denial) Error() string { return d.Code + ": " + d.Message }

// Deny makes an error that refuses the request. Return it as it is: Caddy
// looks at HandlerError with a type assertion, so wrapping loses the status.
func Deny(status int, code, message string) error {
	return DenyWith(&Denial{Status: status, Code: code, Message: message})
}

// DenyWith is [Deny] for denials with more to say.
func DenyWith(d *Denial) error { return caddyhttp.Error(d.Status, d) }

// StatusClientClosed is nginx's status for a client that left, which Caddy's
// reverse_proxy uses as well.
const StatusClientClosed = 499

// CodeClientClosed is the Failure.Code of a request whose client left.
const CodeClientClosed = "client_closed"

var clientClosed = Failure{Status: StatusClientClosed, Code: CodeClientClosed, Message: "The client closed the connection"}

// failureOf reads what an error says about how the request failed.
func (rq *Request) failureOf(ctx context.Context, err error) (Failure, *Denial) {
	if d, ok := errors.AsType[*Denial](err); ok {
		return Failure{Status: d.Status, Code: d.Code, Message: d.Message, Denied: true}, d
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return rq.failureOf(ctx, TooLarge(tooBig.Limit))
	}
	status := http.StatusInternalServerError
	configured := false
	if he, ok := errors.AsType[caddyhttp.HandlerError](err); ok && he.StatusCode != 0 {
		status = he.StatusCode
		configured = strings.HasPrefix(he.Trace, "caddyhttp.StaticError.")
	}
	f := Failure{Status: status}
	switch {
	case status == StatusClientClosed || errors.Is(ctx.Err(), context.Canceled):
		f.Code, f.Message = CodeClientClosed, clientClosed.Message
	case rq.upstreamAnswered(status):
		f.Code, f.Message = answeredCode(status), "The upstream answered "+strconv.Itoa(status)+", also when it was tried again"
	case configured && status >= http.StatusInternalServerError: // the directive error, and no upstream
		f.Code, f.Message = statusCode(status), http.StatusText(status)
	case status == http.StatusUnauthorized:
		f.Code, f.Message, f.Denied = "unauthorized", "Unauthorized", true
	case status == http.StatusBadGateway:
		f.Code, f.Message = "upstream_unreachable", "The upstream could not be reached or answered with something that is not HTTP"
	case status == http.StatusServiceUnavailable:
		f.Code, f.Message = "no_upstream_available", "No upstream is available at the moment"
	case status == http.StatusGatewayTimeout:
		f.Code, f.Message = "upstream_timeout", "The upstream did not answer in time"
	case status == http.StatusRequestEntityTooLarge:
		f.Code, f.Message, f.Denied = "body_too_large", "The request body is larger than this route accepts", true
	default:
		f.Code, f.Message = statusCode(status), http.StatusText(status)
		if f.Message == "" {
			f.Message = "HTTP status " + strconv.Itoa(status)
		}
	}
	return f, nil
}

// upstreamAnswered says that status is the upstream's own. reverse_proxy ends in
// an error with that status when it has tried again as often as it may.
func (rq *Request) upstreamAnswered(status int) bool {
	if rq.repl == nil {
		return false
	}
	answered, _ := rq.repl.Get("http.reverse_proxy.status_code")
	return answered == status
}

// statusOverloaded is the status of Anthropic for an overloaded API.
const statusOverloaded = 529

// answeredCode is the code of an upstream's own error.
func answeredCode(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "upstream_rate_limited"
	case http.StatusServiceUnavailable, statusOverloaded:
		return "upstream_overloaded"
	default:
		return "upstream_error"
	}
}

// statusCode turns a status into a code: "Not Found" into not_found.
func statusCode(status int) string {
	text := http.StatusText(status)
	if text == "" {
		return "http_" + strconv.Itoa(status)
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ' || c == '-':
			return '_'
		case 'A' <= c && c <= 'Z':
			return c | 0x20
		case 'a' <= c && c <= 'z':
			return c
		default:
			return -1
		}
	}, text)
}

// retryAfterSeconds is d in whole seconds, rounded up, at least 1.
func retryAfterSeconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
