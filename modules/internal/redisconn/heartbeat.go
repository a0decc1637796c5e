// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// beatEvery is the time between two beats, give or take a fifth.
	beatEvery = 250 * time.Millisecond
	// missedBeats is how many beats in a row have to fail for Redis to be down, if
	// nobody else uses it.
	missedBeats = 2
	// relapse is how soon after it was up again Redis is not trusted as before.
	relapse = 5 * time.Second
	// maxTrials is how many beats have to succeed at most before it is up.
	maxTrials = 20
)

var (
	errNotStarted = errors.New("the connection has not been started")
	errClosed     = errors.New("the connection is closed")
)

// beats is what the heartbeat knows. It belongs to one goroutine.
type beats struct {
	mark   string // of the last beat that succeeded
	missed int    // in a row
	good   int    // in a row, while Redis is down
	trials int    // how many have to be good
	upAt   time.Time
	told   bool // OnChange has been told something
	toldUp bool // and what
}

// watch beats until Close.
func (c *Conn) watch() {
	defer c.routines.Done()
	timer := time.NewTimer(pause())
	defer timer.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-c.opened:
			c.fell()
		case <-timer.C:
			c.beat()
			timer.Reset(pause())
		}
	}
}

func pause() time.Duration {
	return beatEvery - beatEvery/5 + rand.N(2*beatEvery/5)
}

// fell takes note that the breaker is open, which others may have done.
func (c *Conn) fell() {
	b := &c.beats
	if c.Up() {
		return
	}
	if !b.upAt.IsZero() {
		b.trials = max(b.trials, 1)
		if time.Since(b.upAt) < relapse {
			b.trials = min(2*b.trials, maxTrials)
		} else {
			b.trials = 1
		}
		b.upAt, b.good, b.missed = time.Time{}, 0, 0
	}
	c.tell(false, c.Err())
}

// tell calls OnChange if it does not know that yet.
func (c *Conn) tell(up bool, err error) {
	b := &c.beats
	if b.told && b.toldUp == up {
		return
	}
	b.told, b.toldUp = true, up
	c.o.OnChange(up, err)
}

// beat asks Redis once, and opens or closes the breaker.
func (c *Conn) beat() {
	ctx, cancel := context.WithTimeout(context.Background(), c.o.DialTimeout+3*c.o.Timeout)
	defer cancel()
	phase := c.breaker.phase.Load()
	p, err := c.pulse(ctx)
	if err != nil {
		c.missed(err)
		return
	}
	if c.breaker.phase.Load() != phase { // it has opened meanwhile, and this beat is of before
		c.fell()
		return
	}
	b := &c.beats
	b.missed = 0
	c.instances.Store(max(1, p.instances))
	if c.Up() {
		if p.mark != b.mark {
			b.mark = p.mark
			c.turn()
		}
		return
	}
	if b.good++; b.good < b.trials {
		return
	}
	c.warm(ctx)
	b.mark, b.upAt, b.good = p.mark, time.Now(), 0
	c.turn()
	c.breaker.close()
	c.tell(true, nil)
}

// maxWarm is how many connections are made before others may use Redis again.
const maxWarm = 32

// warm makes connections, up to as many as there were. Otherwise all who have waited
// for Redis would make theirs at the same moment, and find it slow.
func (c *Conn) warm(ctx context.Context) {
	var all sync.WaitGroup
	ping := func(client redis.UniversalClient, n int) {
		for range min(n, maxWarm) {
			all.Go(func() { _ = client.Ping(ctx).Err() }) // whoever needs it will see
		}
	}
	n := c.wires.lost()
	if cluster, ok := c.client.(*redis.ClusterClient); ok {
		_ = cluster.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error { // as above
			ping(master, n/3)
			return nil
		})
	} else {
		ping(c.client, n)
	}
	all.Wait()
}

// missed takes note of a beat that failed.
func (c *Conn) missed(err error) {
	b := &c.beats
	b.missed++
	b.good = 0
	if cluster, ok := c.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(context.Background()) // which only asks for it
	}
	if c.Up() && b.missed < missedBeats {
		return
	}
	if c.breaker.open(err) {
		c.wires.cut()
	}
	c.fell()
}

// turn begins another epoch.
func (c *Conn) turn() {
	c.epoch.Add(1)
	select {
	case c.epochs <- struct{}{}:
	default:
	}
}

// tellEpochs calls those who want to know of changes.
func (c *Conn) tellEpochs() {
	defer c.routines.Done()
	for {
		select {
		case <-c.stop:
			return
		case <-c.epochs:
			c.mu.Lock()
			watchers := slices.Clip(c.watchers)
			c.mu.Unlock()
			for _, f := range watchers {
				f()
			}
		}
	}
}
