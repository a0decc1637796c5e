// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command cachesuite runs the public tests of HTTP caches, the npm package
// http-cache-tests, against the handler gateway_cache: a gateway in front of the suite's
// own origin server, both on free ports of 127.0.0.1. It prints how many tests pass, by
// the suite's own classification, and why the others do not, and fails if there are too
// few or if one fails that is not known to.
//
// `make http-cache-tests` builds the gateway, installs the suite and runs this. Node.js is
// needed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long the whole run may take. The suite waits for three seconds in many of
// its tests, a hundred of which run at a time.
const patience = 5 * time.Minute

func main() {
	var r runner
	flag.StringVar(&r.gateway, "gateway", "../bin/caddy-slim", "the gateway's binary")
	flag.StringVar(&r.suite, "suite", "../bin/http-cache-tests-0.4.5/node_modules/http-cache-tests", "the folder of the suite")
	flag.StringVar(&r.here, "here", "cachesuite", "the folder of this program, with its Caddyfile")
	flag.BoolVar(&r.all, "v", false, "list the checks as well, which are neither passed nor failed")
	flag.Parse()
	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "cachesuite:", err)
		os.Exit(1)
	}
}

// runner is one run of the suite.
type runner struct {
	gateway, suite, here string
	all                  bool
}

func (r *runner) run() error {
	for _, path := range []*string{&r.gateway, &r.suite, &r.here} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	outcomes, err := r.outcomes(ctx)
	if err != nil {
		return err
	}
	score := grade(outcomes)
	score.print(os.Stdout, r.all)
	return score.verdict()
}

// outcomes starts both servers, runs the tests and ends the servers.
func (r *runner) outcomes(ctx context.Context) (outcomes []outcome, err error) {
	origin, port, err := startOrigin(ctx, r.suite, r.here)
	if err != nil {
		return nil, err
	}
	defer origin.stop()
	gateway, url, err := startGateway(ctx, r.gateway, filepath.Join(r.here, "Caddyfile"), port)
	if err != nil {
		return nil, err
	}
	defer gateway.stop()
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\norigin:\n%s\ngateway:\n%s", err, origin.said(), gateway.said())
		}
	}()

	client := exec.CommandContext(ctx, "node", filepath.Join(r.here, "client.mjs"), r.suite, url) //nolint:gosec // Whoever runs this names the folders.
	client.Stderr = os.Stderr
	out, err := client.Output()
	if err != nil {
		return nil, fmt.Errorf("run the tests: %w", errors.Join(err, ctx.Err()))
	}
	if err := json.Unmarshal(out, &outcomes); err != nil {
		return nil, fmt.Errorf("read what came of the tests: %w", err)
	}
	return outcomes, nil
}
