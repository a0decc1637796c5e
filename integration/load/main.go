// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command load puts both example systems, llm-gateway and language-services, under mixed
// traffic for some minutes: what clients ask for, and what attackers and broken clients
// send. Everything runs on loopback: the gateways are the real binary with the examples
// as they are, a third one imitates the providers, and the services are in this process.
//
// It fails if a limit was exceeded in any window, or refused requests before it was used
// up; if an answer had a status that it must not have, or never the one that it should
// have; if what is asked again and again does not come from the cache; if something of one
// consumer reached another; if memory or goroutines grew; if a log has keys or panics; and
// if the machine was too busy for the run to show any of this. What it prints stands in docs/benchmarks.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.caddy, "caddy", "../bin/caddy-slim", "the gateway's binary")
	flag.StringVar(&o.examples, "examples", "../caddyfile-examples", "the directory of the examples")
	flag.DurationVar(&o.length, "for", 10*time.Minute, "how long traffic goes on")
	flag.IntVar(&o.rate, "rate", 300, "requests a second to each system")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	problems, err := run(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
	if problems > 0 {
		os.Exit(1)
	}
}
