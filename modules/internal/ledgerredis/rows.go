// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// tries is how often a piece is read before reading fails.
const tries = 3

// Rows implements ledger.Ledger: the rows of this gateway, from its own ledger, and
// those of all others, as they were a second ago. If the latter cannot be read, the
// error is an ErrPartial, and the rows are what there is.
func (l *Ledger) Rows(q ledger.Query) ([]ledger.Row, error) {
	g := ledger.NewGroups(q)
	rows, err := l.o.Local.Rows(q)
	for i := range rows {
		g.AddGroup(&rows[i])
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.o.ReadTimeout)
	defer cancel()
	if others := l.others(ctx, q, g); others != nil {
		err = errors.Join(err, fmt.Errorf("%w: %w", ErrPartial, others))
	}
	return g.Rows(), err
}

// others adds the rows of the other ledgers.
func (l *Ledger) others(ctx context.Context, q ledger.Query, g *ledger.Groups) error {
	if err := l.o.Conn.Err(); err != nil {
		return err
	}
	var damaged error
	err := l.index(ctx, q, func(h ledger.Hour, id string) error {
		if id == l.o.ID {
			return nil
		}
		return l.scan(ctx, l.hourKey(h, id), func(field, value string) error {
			at, w, err := decode(field, value)
			if err != nil || at != h {
				damaged = fmt.Errorf("copy of %s: %w", id, errors.Join(err, errMisplaced))
				return nil
			}
			g.Add(h, &w)
			return nil
		})
	})
	return errors.Join(err, damaged)
}

var errMisplaced = errors.New("a row is not what was written")

// index calls f once for each hour of each ledger that a query is about, in order of
// time. Hours may come and go meanwhile, so that it counts by hours, not by places.
func (l *Ledger) index(ctx context.Context, q ledger.Query, f func(ledger.Hour, string) error) error {
	first, end := q.Hours()
	if first >= end {
		return nil
	}
	for first < end {
		some, err := l.entries(ctx, first, end, batch)
		if err != nil {
			return err
		}
		next := end
		if len(some) == batch {
			// Of the last hour there may be more.
			next = some[len(some)-1].hour
			if next == first {
				if some, err = l.entries(ctx, first, first+1, -1); err != nil {
					return err
				}
				next++
			}
		}
		for _, e := range some {
			if e.hour < next {
				if err := f(e.hour, e.id); err != nil {
					return err
				}
			}
		}
		first = next
	}
	return nil
}

// entry is an hour of a ledger.
type entry struct {
	hour ledger.Hour
	id   string
}

// entries reads the index from an hour on, and before another. A count below zero is
// no limit.
func (l *Ledger) entries(ctx context.Context, first, end ledger.Hour, count int64) ([]entry, error) {
	members, err := again(ctx, func() ([]string, error) {
		return l.o.Conn.Client().ZRangeByScore(ctx, l.indexKey(), &redis.ZRangeBy{
			Min: strconv.FormatUint(uint64(first), 10), Max: "(" + strconv.FormatUint(uint64(end), 10), Count: count,
		}).Result()
	})
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	some := make([]entry, 0, len(members))
	for _, m := range members {
		text, id, _ := strings.Cut(m, ":")
		h, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		some = append(some, entry{ledger.Hour(h), id})
	}
	return some, nil
}

// scan calls f for each row of a copy once. Redis may name some more than once.
func (l *Ledger) scan(ctx context.Context, key string, f func(field, value string) error) error {
	var (
		cursor uint64
		seen   map[string]struct{}
	)
	for {
		var pairs []string
		next, err := again(ctx, func() (uint64, error) {
			p, next, err := l.o.Conn.Client().HScan(ctx, key, cursor, "", batch).Result()
			pairs = p
			return next, err
		})
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if next != 0 && seen == nil {
			seen = map[string]struct{}{}
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			field := pairs[i]
			if field == digestField {
				continue
			}
			if seen != nil {
				if _, ok := seen[field]; ok {
					continue
				}
				seen[field] = struct{}{}
			}
			if err := f(field, pairs[i+1]); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// again reads until it succeeds, a few times.
func again[T any](ctx context.Context, read func() (T, error)) (v T, err error) {
	for range tries {
		if v, err = read(); err == nil || ctx.Err() != nil {
			break
		}
	}
	return v, err
}
