// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachebench

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// connection is one that is kept for many requests.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// ask sends a request as it is and reads the whole answer, whose header it returns if that
// is wanted.
func (c *connection) ask(request []byte, header *bytes.Buffer) (size int, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	size = -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if header != nil {
			header.Write(line)
		}
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")):
			return 0, fmt.Errorf("answer is %q", line)
		case len(line) <= 2:
			if size < 0 {
				return 0, fmt.Errorf("an answer without a length")
			}
			_, err := c.in.Discard(size)
			return size, err
		case line[0]|0x20 == 'c' && len(line) > 16 && bytes.EqualFold(line[:15], []byte("Content-Length:")):
			if size, err = strconv.Atoi(strings.TrimSpace(string(line[15:]))); err != nil {
				return 0, err
			}
		}
	}
}

// processorTime is what a process has used so far.
func processorTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	var ts unix.Timespec
	clock := int32(^pid<<3 | 2) // CPUCLOCK_SCHED of the process
	if err := unix.ClockGettime(clock, &ts); err != nil {
		tb.Fatalf("read processor time of %d: %v", pid, err)
	}
	return time.Duration(ts.Nano())
}

// target is what is asked.
type target struct {
	name    string
	pid     int // of who answers; 0 if its processor time is not known
	address string
	request []byte
	size    int // of the answer's body

	pool   []*connection
	each   []float64 // microseconds of processor time a request, by round
	median float64   // microseconds that an answer takes on one connection
}

// connections opens n of them, once.
func (g *target) connections(tb testing.TB, n int) []*connection {
	tb.Helper()
	for len(g.pool) < n {
		c, err := dial(g.address)
		if err != nil {
			tb.Fatalf("connect to %s: %v", g.name, err)
		}
		tb.Cleanup(func() { _ = c.Close() })
		g.pool = append(g.pool, c)
	}
	return g.pool[:n]
}

// load asks for n answers on each of some connections and notes the processor time.
func (g *target) load(tb testing.TB, width, n int) {
	tb.Helper()
	pool := g.connections(tb, width)
	errs := make(chan error, width)
	before := processorTime(tb, g.pid)
	var wg sync.WaitGroup
	for _, c := range pool {
		wg.Go(func() {
			for range n {
				if size, err := c.ask(g.request, nil); err != nil || size != g.size {
					errs <- fmt.Errorf("%s: %d bytes of %d: %w", g.name, size, g.size, err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := processorTime(tb, g.pid) - before
	select {
	case err := <-errs:
		tb.Fatal(err)
	default:
	}
	g.each = append(g.each, float64(took.Nanoseconds())/1e3/float64(width*n))
}

// latency asks on one connection and notes how long an answer takes.
func (g *target) latency(tb testing.TB, n int) []float64 {
	tb.Helper()
	c := g.connections(tb, 1)[0]
	out := make([]float64, n)
	for i := range out {
		start := time.Now()
		if size, err := c.ask(g.request, nil); err != nil || size != g.size {
			tb.Fatalf("%s: %d bytes of %d: %v", g.name, size, g.size, err)
		}
		out[i] = float64(time.Since(start).Nanoseconds()) / 1e3
	}
	return out
}

// compare has all targets take turns.
func compare(tb testing.TB, targets []*target, rounds, width, n int) {
	tb.Helper()
	waits := make([][]float64, len(targets))
	for round := range rounds + 1 {
		for i := range targets {
			i = (i + round) % len(targets)
			g := targets[i]
			if g.pid != 0 {
				g.load(tb, width, n)
				if round == 0 {
					g.each = nil // it has warmed up
				}
			}
			waits[i] = append(waits[i], g.latency(tb, n)...)
		}
	}
	for i, g := range targets {
		g.median = median(waits[i])
	}
}

func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// over is the median of the ratios of the rounds.
func (g *target) over(base *target) float64 {
	ratios := make([]float64, min(len(g.each), len(base.each)))
	for i := range ratios {
		ratios[i] = g.each[i] / base.each[i]
	}
	return median(ratios)
}
