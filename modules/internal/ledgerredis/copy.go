// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

const (
	// batch is how many rows are written or read at once, some 50 kB, so that neither
	// takes long.
	batch = 200
	// maxKnown is how many hours' copies are remembered.
	maxKnown = 3
	// digestField is the field of the digest. Rows have longer ones.
	digestField = ""
)

// hourCopy is what is known of the copy of an hour: a digest of each row, 16 bytes and
// the name of the field.
type hourCopy struct {
	rows   map[string]uint64
	sum    uint64 // of the digests
	stored string // the digest in Redis
}

func (h *hourCopy) set(field string, digest uint64) {
	h.sum += digest - h.rows[field]
	h.rows[field] = digest
}

func (h *hourCopy) remove(field string) {
	h.sum -= h.rows[field]
	delete(h.rows, field)
}

// digest of a row. It finds what was lost, not what somebody has forged.
func digest(field string, value []byte) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(field)) // never fails
	_, _ = f.Write(value)         // as above
	return f.Sum64()
}

func (l *Ledger) hourKey(h ledger.Hour, id string) string {
	return l.o.Conn.Prefix() + ":usage:" + strconv.FormatUint(uint64(h), 10) + ":" + id
}

func (l *Ledger) indexKey() string { return l.o.Conn.Prefix() + ":usage:hours" }

func indexMember(h ledger.Hour, id string) string {
	return strconv.FormatUint(uint64(h), 10) + ":" + id
}

// localHour returns the encoded rows of an hour.
func (c *copier) localHour(h ledger.Hour) (map[string][]byte, error) {
	rows, err := c.l.o.Local.Rows(ledger.Query{Since: h.Start(), Until: (h + 1).Start(), Whole: true})
	if err != nil {
		return nil, fmt.Errorf("copy ledger: %w", err)
	}
	values := make(map[string][]byte, len(rows))
	for i := range rows {
		if err := encode(values, h, &rows[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// copyHour makes the copy of an hour equal to it.
func (c *copier) copyHour(ctx context.Context, h ledger.Hour) error {
	values, err := c.localHour(h) // as it is now, or later than that
	if err != nil {
		return err
	}
	there := c.known[h]
	if there == nil {
		if there, err = c.load(ctx, h); err != nil {
			return err
		}
	}
	delete(c.known, h) // until all is well
	if err := c.write(ctx, h, there, values); err != nil {
		return err
	}
	for old := range c.known {
		if len(c.known) >= maxKnown {
			delete(c.known, old)
		}
	}
	c.known[h] = there
	return nil
}

// compareHour is copyHour for an hour that is not expected to differ.
func (c *copier) compareHour(ctx context.Context, h ledger.Hour) error {
	values, err := c.localHour(h)
	if err != nil {
		return err
	}
	var sum uint64
	for field, value := range values {
		sum += digest(field, value)
	}
	there, err := c.l.o.Conn.Client().HGet(ctx, c.l.hourKey(h, c.l.o.ID), digestField).Result()
	switch {
	case err == nil && there == digestValue(sum):
		return c.expire(ctx, h)
	case err != nil && !errors.Is(err, redis.Nil):
		return fmt.Errorf("compare ledger with Redis: %w", err)
	}
	return c.copyHour(ctx, h)
}

func digestValue(sum uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, sum))
}

// load reads the copy of an hour, in pieces.
func (c *copier) load(ctx context.Context, h ledger.Hour) (*hourCopy, error) {
	there := &hourCopy{rows: map[string]uint64{}}
	if err := c.announce(ctx, h); err != nil {
		return nil, err
	}
	var err error
	if there.stored, err = c.l.o.Conn.Client().HGet(ctx, c.l.hourKey(h, c.l.o.ID), digestField).Result(); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("compare ledger with Redis: %w", err)
	}
	err = c.l.scan(ctx, c.l.hourKey(h, c.l.o.ID), func(field, value string) error {
		there.set(field, digest(field, []byte(value)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("compare ledger with Redis: %w", err)
	}
	return there, c.expire(ctx, h)
}

// announce makes the hour known to readers.
func (c *copier) announce(ctx context.Context, h ledger.Hour) error {
	z := redis.Z{Score: float64(h), Member: indexMember(h, c.l.o.ID)}
	if err := c.l.o.Conn.Client().ZAdd(ctx, c.l.indexKey(), z).Err(); err != nil {
		return fmt.Errorf("copy ledger to Redis: %w", err)
	}
	return nil
}

// expire has the copy deleted when the ledger deletes the hour.
func (c *copier) expire(ctx context.Context, h ledger.Hour) error {
	client, key := c.l.o.Conn.Client(), c.l.hourKey(h, c.l.o.ID)
	var err error
	if keep := c.l.kept(); keep > 0 {
		err = client.ExpireAt(ctx, key, (h + 1).Start().Add(keep)).Err()
	} else {
		err = client.Persist(ctx, key).Err()
	}
	if err != nil {
		return fmt.Errorf("copy ledger to Redis: %w", err)
	}
	return nil
}

// write makes a copy hold the given values. The digest comes last.
func (c *copier) write(ctx context.Context, h ledger.Hour, there *hourCopy, values map[string][]byte) error {
	client, key := c.l.o.Conn.Client(), c.l.hourKey(h, c.l.o.ID)
	c.written[h] = struct{}{}
	fresh := len(there.rows) == 0
	var pairs []any
	flush := func() error {
		if len(pairs) == 0 {
			return nil
		}
		if err := client.HSet(ctx, key, pairs...).Err(); err != nil {
			return fmt.Errorf("copy ledger to Redis: %w", err)
		}
		c.l.mu.Lock()
		c.l.stats.Rows += int64(len(pairs) / 2)
		c.l.mu.Unlock()
		pairs = pairs[:0]
		return nil
	}
	for field, value := range values {
		d := digest(field, value)
		if old, ok := there.rows[field]; ok && old == d {
			continue
		}
		there.set(field, d)
		if pairs = append(pairs, field, value); len(pairs) == 2*batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := c.drop(ctx, key, there, values); err != nil {
		return err
	}
	sum := digestValue(there.sum)
	if sum == there.stored || len(there.rows) == 0 {
		return nil
	}
	if err := client.HSet(ctx, key, digestField, sum).Err(); err != nil {
		return fmt.Errorf("copy ledger to Redis: %w", err)
	}
	there.stored = sum
	if fresh {
		return c.expire(ctx, h)
	}
	return nil
}

// drop removes rows that the ledger has no longer: they were folded into others.
func (c *copier) drop(ctx context.Context, key string, there *hourCopy, values map[string][]byte) error {
	var gone []string
	for field := range there.rows {
		if _, ok := values[field]; !ok {
			gone = append(gone, field)
		}
	}
	for len(gone) > 0 {
		n := min(len(gone), batch)
		if err := c.l.o.Conn.Client().HDel(ctx, key, gone[:n]...).Err(); err != nil {
			return fmt.Errorf("copy ledger to Redis: %w", err)
		}
		for _, field := range gone[:n] {
			there.remove(field)
		}
		gone = gone[n:]
	}
	return nil
}

// remove deletes the copy of an hour that the ledger has no longer.
func (c *copier) remove(ctx context.Context, h ledger.Hour) error {
	client := c.l.o.Conn.Client()
	if err := client.Unlink(ctx, c.l.hourKey(h, c.l.o.ID)).Err(); err != nil {
		return fmt.Errorf("remove copy of %s: %w", h.Start().Format(time.RFC3339), err)
	}
	if err := client.ZRem(ctx, c.l.indexKey(), indexMember(h, c.l.o.ID)).Err(); err != nil {
		return fmt.Errorf("remove copy of %s: %w", h.Start().Format(time.RFC3339), err)
	}
	return nil
}

// forget takes an hour of another ledger out of the index if its copy is not there.
func (c *copier) forget(ctx context.Context, e entry) error {
	client := c.l.o.Conn.Client()
	err := client.HGet(ctx, c.l.hourKey(e.hour, e.id), digestField).Err()
	if errors.Is(err, redis.Nil) {
		err = client.ZRem(ctx, c.l.indexKey(), indexMember(e.hour, e.id)).Err()
	}
	if err != nil {
		return fmt.Errorf("clear index: %w", err)
	}
	return nil
}
