// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

const (
	// share is which part of its time the copier may be busy with old hours, and with
	// new ones if they are large.
	share = 5
	// compareEvery is how often everything is compared with its copy though there
	// seems to be no reason: a ledger in memory merges old hours.
	compareEvery = time.Hour
)

// loop copies until Close.
func (l *Ledger) loop() {
	defer close(l.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.stop:
			ctx, cancel := context.WithTimeout(context.Background(), closingTime)
			l.round(ctx)
			cancel()
			return
		case <-timer.C:
			began := time.Now()
			ctx, cancel := l.untilStopped()
			l.round(ctx)
			cancel()
			timer.Reset(max(l.o.Every, share*time.Since(began)))
		}
	}
}

// untilStopped returns a context that ends with Close.
func (l *Ledger) untilStopped() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-l.stop:
		case <-ctx.Done():
		}
		cancel()
	}()
	return ctx, cancel
}

// copier is what the goroutine knows.
type copier struct {
	l        *Ledger
	epoch    uint64                    // of Redis, when everything was last compared
	compared time.Time                 // when that was
	pending  []ledger.Hour             // to be compared, the newest comes last
	known    map[ledger.Hour]*hourCopy // of the hours that change

	// What was written when Redis had already forgotten, and nobody knew, makes the
	// digest of an hour wrong. So hours that were written in the last epoch are
	// compared row by row in the next one.
	written map[ledger.Hour]struct{}
	suspect map[ledger.Hour]struct{} // written before
}

// round copies what has changed, and then some of what is to be compared.
func (l *Ledger) round(ctx context.Context) {
	c := &l.copier
	if err := l.o.Conn.Err(); err != nil {
		l.report(err)
		return
	}
	err := c.begin(ctx)
	if err == nil {
		err = c.changed(ctx)
	}
	if err == nil {
		err = c.compare(ctx)
	}
	if errors.Is(err, context.Canceled) {
		return // Close goes on
	}
	l.report(err)
}

// report sets what Stats tells of a round.
func (l *Ledger) report(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Err = err
	l.stats.Behind = len(l.dirty) + len(l.copier.pending)
	if err == nil && l.stats.Behind == 0 {
		l.stats.Copied = time.Now()
	}
}

// changed copies the hours that records were made in.
func (c *copier) changed(ctx context.Context) error {
	l := c.l
	l.mu.Lock()
	dirty := l.dirty
	l.dirty = map[ledger.Hour]struct{}{}
	l.mu.Unlock()
	hours := slices.Sorted(maps.Keys(dirty))
	for i, h := range slices.Backward(hours) { // the newest comes first
		if err := c.copyHour(ctx, h); err != nil {
			l.mu.Lock()
			for _, h := range hours[:i+1] {
				l.dirty[h] = struct{}{}
			}
			l.mu.Unlock()
			return err
		}
	}
	return nil
}

// compare compares hours with their copies, as long as it may.
func (c *copier) compare(ctx context.Context) error {
	l := c.l
	began := time.Now()
	for len(c.pending) > 0 {
		h := c.pending[len(c.pending)-1]
		compare := c.compareHour
		if _, ok := c.suspect[h]; ok {
			compare = c.copyHour
		}
		if err := compare(ctx, h); err != nil {
			return err
		}
		delete(c.suspect, h)
		c.pending = c.pending[:len(c.pending)-1]
		if time.Since(began) > l.o.Every/share && ctx.Err() == nil {
			return nil // the rest comes in the next rounds
		}
	}
	return nil
}

// begin has everything compared, if there is reason to.
func (c *copier) begin(ctx context.Context) error {
	l := c.l
	l.keeping.Lock()
	again := l.again
	l.again = false
	l.keeping.Unlock()
	epoch := l.o.Conn.Epoch()
	if !again && epoch == c.epoch && time.Since(c.compared) < compareEvery {
		return nil
	}
	maps.Copy(c.suspect, c.written)
	clear(c.written)
	clear(c.known)
	if err := c.list(ctx); err != nil {
		l.compareAll()
		return err
	}
	c.epoch, c.compared = epoch, time.Now()
	return nil
}

// list finds out which hours there are, here and in Redis, and removes copies of
// hours that are not here any more, and what the index says of copies that have expired.
func (c *copier) list(ctx context.Context) error {
	rows, err := c.l.o.Local.Rows(ledger.Query{By: []ledger.Dimension{ledger.ByHour}})
	if err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	here := map[ledger.Hour]bool{}
	pending := make([]ledger.Hour, 0, len(rows))
	for i := range rows {
		h := ledger.HourOf(rows[i].Hour)
		here[h] = true
		pending = append(pending, h)
	}
	there := map[ledger.Hour]bool{}
	var expired []entry // of other gateways, which may be no more
	err = c.l.index(ctx, ledger.Query{}, func(h ledger.Hour, id string) error {
		if id == c.l.o.ID {
			there[h] = true
		} else if c.l.expired(h) {
			expired = append(expired, entry{h, id})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for h := range there {
		if !here[h] {
			if err := c.remove(ctx, h); err != nil {
				return err
			}
		}
	}
	for _, e := range expired {
		if err := c.forget(ctx, e); err != nil {
			return err
		}
	}
	for _, h := range pending {
		if !there[h] {
			if err := c.announce(ctx, h); err != nil {
				return err
			}
		}
	}
	slices.Sort(pending)
	c.pending = pending
	return nil
}

// expired tells hours whose copies have gone by themselves, if they were kept as long
// as this ledger is.
func (l *Ledger) expired(h ledger.Hour) bool {
	keep := l.kept()
	return keep > 0 && time.Now().After((h + 1).Start().Add(keep))
}
