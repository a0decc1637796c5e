// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// sample is what a gateway takes up at a moment.
type sample struct {
	resident   float64 // MiB
	heap       float64 // MiB that are in use right after a collection
	cached     float64 // MiB of the heap that stored answers take, up to max_bytes
	goroutines float64
}

// watch takes samples until the context ends.
func watch(ctx context.Context, p *process, every time.Duration) (all []sample) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if s, err := take(ctx, p); err == nil {
			all = append(all, s)
		}
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
	}
}

func take(ctx context.Context, p *process) (s sample, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(kib)[0], 64)
			s.resident = n / 1024
		}
	}
	// Its profile of the heap is taken for the collection before it.
	profile, err := ask(ctx, p.admin+"/debug/pprof/heap?gc=1")
	if err != nil {
		return s, err
	}
	_ = profile.Close()
	metrics, err := ask(ctx, p.admin+"/metrics")
	if err != nil {
		return s, err
	}
	defer metrics.Close()
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.ParseFloat(value, 64)
		switch name, _, _ := strings.Cut(series, "{"); name {
		case "caddy_gateway_cache_bytes":
			s.cached += n / (1 << 20)
		case "go_goroutines":
			s.goroutines = n
		case "go_memstats_heap_alloc_bytes":
			s.heap = n / (1 << 20)
		}
	}
	if err := lines.Err(); err != nil {
		return s, err
	}
	if s.resident == 0 || s.heap == 0 || s.goroutines == 0 {
		return s, errors.New("sample: figures are missing")
	}
	return s, nil
}

func ask(ctx context.Context, url string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("sample: %s answers %d", url, answer.StatusCode)
	}
	return answer.Body, nil
}

// grown compares the means of the second and of the last quarter: the first is for caches
// and connections to fill.
func grown(all []sample, of func(sample) float64) (before, after float64) {
	quarter := len(all) / 4
	if quarter == 0 {
		return 0, 0
	}
	mean := func(part []sample) float64 {
		sum := 0.0
		for _, s := range part {
			sum += of(s)
		}
		return sum / float64(len(part))
	}
	return mean(all[quarter : 2*quarter]), mean(all[len(all)-quarter:])
}
