// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrDown tells that Redis cannot be used at the moment, and was not asked.
var ErrDown = errors.New("redis is down")

// downError is ErrDown and why.
type downError struct{ cause error }

// Error implements error.
func (e *downError) Error() string { return ErrDown.Error() + ": " + e.cause.Error() }

// Is makes it ErrDown.
func (e *downError) Is(target error) bool { return target == ErrDown } //nolint:errorlint // This is what errors.Is asks.

// Unwrap returns the cause.
func (e *downError) Unwrap() error { return e.cause }

// refusals begin the answers of a server that cannot do what it is for: they are not
// about a single command.
var refusals = []string{
	"READONLY ", "OOM ", "LOADING ", "CLUSTERDOWN ", "MASTERDOWN ", "MISCONF ", "NOREPLICAS ", "BUSY ",
	"NOAUTH ", "WRONGPASS ", "NOPERM ", "MOVED ", "ERR max number of clients", "ERR AUTH", "ERR invalid password",
	"ERR Client sent AUTH", "DENIED ", "ERR The user executing the script can't",
}

// answered reports whether err is nil or what a server has answered.
func answered(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return err == nil || ok
}

// failed reports whether err tells that Redis cannot be used: it was not reached, has
// not answered in time, or refuses everything. Other errors are the business of who
// has asked.
func failed(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) {
		return false
	}
	if answered(err) {
		text := err.Error()
		for _, r := range refusals {
			// Before version 7, errors in scripts are quoted.
			if strings.HasPrefix(text, r) || strings.Contains(text, ": -"+r) {
				return true
			}
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*lostError](err); ok {
		return true
	}
	for _, known := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded,
		redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	// Failures of the client have no types of their own.
	return strings.HasPrefix(err.Error(), "redis: ")
}
