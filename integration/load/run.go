// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// options are what the command line says.
type options struct {
	caddy, examples string
	length          time.Duration
	rate            int
}

// every is how long it is from one sample to the next.
func every(o options) time.Duration { return min(5*time.Second, o.length/20) }

// run puts both systems under traffic, reports to w, and returns how many problems there
// were.
func run(ctx context.Context, o options, w io.Writer) (problems int, err error) {
	for _, path := range []*string{&o.caddy, &o.examples} {
		if *path, err = filepath.Abs(*path); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "tollgate-load")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)

	providers, err := startProviders(ctx, o, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, providers.stop()) }()
	api, stopAPI, err := startService("API_SERVER")
	if err != nil {
		return 0, err
	}
	defer stopAPI()
	llm, err := startLLMGateway(ctx, o, dir, providers, api)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, llm.process.stop()) }()
	language, stopServices, err := startLanguageServices(ctx, o, dir)
	defer stopServices()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, language.process.stop()) }()

	systems := []*system{llm, language}
	samples := make([][]sample, len(systems))
	timed, cancel := context.WithTimeout(ctx, o.length)
	defer cancel()
	var all sync.WaitGroup
	for i, s := range systems {
		all.Go(func() { s.run(timed, o.rate, uint64(i)) })
		all.Go(func() { samples[i] = watch(timed, s.process, every(o)) })
	}
	all.Wait()
	for i, s := range systems {
		problems += report(w, s, samples[i], o)
	}
	return problems, nil
}
