// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// perTrip is how many pieces are sent or fetched at once.
const perTrip = 4

// tailLife is how much longer than the head pieces live, so that who has read the head can
// read them, and how long they live beyond the time of a Put where there never is a head.
const tailLife = 10 * time.Second

// errTorn tells that pieces of an entry have gone while it was read: somebody has put
// another one, or Redis has evicted them.
var errTorn = errors.New("pieces are missing")

// Get implements caching.Store.
func (s *Store) Get(ctx context.Context, key caching.Key) (*caching.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	const tries = 3
	for n := 1; ; n++ {
		e, err := s.get(ctx, key)
		if !errors.Is(err, errTorn) {
			return e, err
		}
		if n == tries {
			return nil, nil //nolint:nilnil // There is none that is whole.
		}
	}
}

func (s *Store) get(ctx context.Context, key caching.Key) (*caching.Entry, error) {
	b := s.bucket(key)
	first, present, err := s.look(ctx, b, key)
	if err != nil {
		return nil, err
	}
	if first == nil || present == nil {
		return nil, nil //nolint:nilnil // There is none.
	}
	h, err := decode(key, first)
	if err != nil {
		return nil, fmt.Errorf("read entry %v: %w", key, err)
	}
	if alive, err := s.alive(ctx, b, h, *present); err != nil || !alive {
		return nil, err
	}
	if err := s.complete(ctx, b.piecesOf(key), h); err != nil {
		return nil, err
	}
	return h.entry, nil
}

// look returns the head of an entry and the version of its bucket, of the same moment or
// later. Both may be nil.
func (s *Store) look(ctx context.Context, b *bucket, key caching.Key) (first []byte, present *version, err error) {
	var headCmd, versionCmd *redis.StringCmd
	err = s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			headCmd = p.Get(ctx, b.headOf(key))
			versionCmd = p.Get(ctx, b.version)
			return nil
		})
		return notNil(err, headCmd, versionCmd)
	})
	if err != nil {
		return nil, nil, err
	}
	if headCmd.Err() == nil {
		first, _ = headCmd.Bytes()
	}
	raw, _ := versionCmd.Bytes()
	v, ok := readVersion(raw)
	if !ok {
		b.saw(version{epoch: none})
		return first, nil, nil
	}
	b.saw(v)
	return first, &v, nil
}

// notNil returns an error of a pipeline that is not that a key is missing.
func notNil(err error, cmds ...*redis.StringCmd) error {
	if err == nil || !errors.Is(err, redis.Nil) {
		return err
	}
	for _, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// complete fetches the further pieces of an entry.
func (s *Store) complete(ctx context.Context, pieces string, h *head) error {
	for from := 1; from <= h.pieces; from += perTrip {
		cmds := make([]*redis.StringCmd, 0, perTrip)
		err := s.do(ctx, func(ctx context.Context) error {
			_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for n := from; n < from+perTrip && n <= h.pieces; n++ {
					cmds = append(cmds, p.Get(ctx, pieceOf(pieces, h.id, n)))
				}
				return nil
			})
			return notNil(err, cmds...)
		})
		if err != nil {
			return err
		}
		for i, cmd := range cmds {
			raw, err := cmd.Bytes()
			piece, ok := h.readPiece(from+i, raw)
			if err != nil || !ok {
				return errTorn
			}
			h.entry.Body = append(h.entry.Body, piece)
		}
	}
	if h.entry.Len() != h.length {
		return errTorn
	}
	return nil
}

// Put implements caching.Store.
func (s *Store) Put(ctx context.Context, key caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if s.closed.Load() {
		return caching.Outdated, caching.ErrClosed
	}
	if err := e.Check(); err != nil {
		return caching.Outdated, err
	}
	if sizeOf(e) > s.max.Load() {
		s.refused.Add(1)
		return caching.TooLarge, s.Delete(ctx, key) // what was there is no longer the answer
	}
	life := e.Expires.Sub(s.now()).Truncate(time.Millisecond)
	if life <= 0 {
		s.refused.Add(1)
		return caching.Outdated, nil
	}
	ctx, cancel := context.WithTimeout(ctx, putPatience*s.patience)
	defer cancel()
	b, id := s.bucket(key), hex.EncodeToString(random())
	first, further := encode(key, id, &caching.Entry{Meta: e.Meta, Body: append([][]byte(nil), e.Body...), Tags: e.Tags, Expires: e.Expires})
	pieces := b.piecesOf(key)
	if err := s.send(ctx, pieces, id, further, putPatience*s.patience+tailLife); err != nil {
		return caching.Outdated, err
	}
	if life = e.Expires.Sub(s.now()).Truncate(time.Millisecond); life <= 0 { // sending may have taken its time
		s.refused.Add(1)
		return caching.Outdated, nil
	}
	answer, err := s.run(ctx, putScript, []string{b.version, b.log, b.headOf(key)},
		random(), appendMark(since), first, life.Milliseconds(), pieces, (life + tailLife).Milliseconds())
	if err != nil {
		return caching.Outdated, err
	}
	list, _ := answer.([]any)
	if len(list) != 2 {
		return caching.Outdated, fmt.Errorf("put entry %v: strange answer %v", key, answer)
	}
	if text, ok := list[0].(string); ok {
		if v, ok := readVersion([]byte(text)); ok {
			b.saw(v)
		}
	}
	if list[1] != int64(1) {
		s.refused.Add(1)
		return caching.Outdated, nil
	}
	return caching.Stored, nil
}

// send writes the further pieces of an entry. In a pipeline they are of one slot.
func (s *Store) send(ctx context.Context, pieces, id string, further [][]byte, life time.Duration) error {
	for from := 0; from < len(further); from += perTrip {
		err := s.do(ctx, func(ctx context.Context) error {
			_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for i, piece := range further[from:min(from+perTrip, len(further))] {
					p.Set(ctx, pieceOf(pieces, id, from+i+1), piece, life)
				}
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Delete implements caching.Store.
func (s *Store) Delete(ctx context.Context, key caching.Key) error {
	b := s.bucket(key)
	_, err := s.run(ctx, deleteScript, []string{b.headOf(key)}, b.piecesOf(key))
	return err
}
