// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

const (
	// logSize is how many purges a bucket remembers.
	logSize = 256
	// tellFor is for how long a purge is made again if Redis may have forgotten it.
	tellFor = time.Hour
)

// purge is a purge that this gateway has made.
type purge struct {
	id   []byte
	tags []byte
	at   time.Time
}

// told are the purges that this gateway has made, the last logSize of them.
type told struct {
	mu  sync.Mutex
	all []purge
}

// add remembers a purge.
func (t *told) add(p purge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == logSize {
		t.all = append(t.all[:0], t.all[1:]...)
	}
	t.all = append(t.all, p)
}

// since returns the purges that were made after a time.
func (t *told) since(at time.Time) (recent []purge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.all {
		if p.at.After(at) {
			recent = append(recent, p)
		}
	}
	return recent
}

// Purge implements caching.Store. It does not count: -1.
func (s *Store) Purge(ctx context.Context, tags ...string) (int64, error) {
	if s.closed.Load() {
		return -1, caching.ErrClosed
	}
	if err := caching.CheckTags(tags); err != nil {
		return -1, err
	}
	p := purge{id: random(), at: time.Now()}
	for _, tag := range tags {
		p.tags = appendTag(p.tags, tag)
	}
	if err := s.tell(ctx, []purge{p}, false); err != nil {
		return -1, err
	}
	s.purges.add(p)
	return -1, nil
}

// tell logs purges in all buckets. Again leaves out those that are logged.
func (s *Store) tell(ctx context.Context, purges []purge, again bool) error {
	args := make([]any, 0, 3+2*len(purges))
	args = append(args, random(), logSize, again)
	for _, p := range purges {
		args = append(args, p.id, p.tags)
	}
	var errs []error
	for i, b := range s.buckets {
		answer, err := s.run(ctx, purgeScript, []string{b.version, b.log}, args...)
		if err != nil {
			errs = append(errs, fmt.Errorf("purge part %d of %d: %w", i+1, len(s.buckets), err))
			continue
		}
		text, _ := answer.(string)
		if v, ok := readVersion([]byte(text)); ok {
			b.saw(v)
		}
	}
	return errors.Join(errs...)
}

// tellAgain is called when Redis may have forgotten what was written. What it has not, is
// left as it is. Where that fails Redis is down again, and this is called once more. The
// versions that were seen may be forgotten as well: a mark of one that Redis does not have
// would keep everything out, so that they are looked at anew.
func (s *Store) tellAgain() {
	if s.closed.Load() {
		return
	}
	for _, b := range s.buckets {
		b.seen.Store(nil)
	}
	if recent := s.purges.since(time.Now().Add(-tellFor)); len(recent) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.tell(ctx, recent, true) // see above
	}
}

// purgeLog are the last purges of a bucket, as far as they were fetched: an immutable value.
type purgeLog struct {
	epoch uint64
	first uint64 // the number of the first record
	all   []record
}

type record struct {
	id   uint64
	tags []string
}

// is tells whether the log is that of a version.
func (l *purgeLog) is(v version) bool {
	n := len(l.all)
	return l.epoch == v.epoch && n > 0 && l.first+uint64(n)-1 == v.seq && l.all[n-1].id == v.id
}

// spares tells whether an entry of a version is subject to none of the purges that came
// after it. What is not known is taken for a purge of everything.
func (l *purgeLog) spares(at version, e *caching.Entry) bool {
	if at.seq+1 < l.first {
		return false
	}
	from := int(at.seq + 1 - l.first)
	if from > len(l.all) || from > 0 && at.id != 0 && l.all[from-1].id != at.id {
		return false // it is of a time that Redis has forgotten
	}
	for _, r := range l.all[from:] {
		if e.HasTags(r.tags) {
			return false
		}
	}
	return true
}

// alive tells whether an entry is still there at a version of its bucket.
func (s *Store) alive(ctx context.Context, b *bucket, h *head, present version) (bool, error) {
	switch at := h.version; {
	case at == present:
		return true, nil
	case at.epoch != present.epoch || at.seq > present.seq || at.seq == present.seq && at.id != 0:
		return false, nil
	case at.seq == present.seq:
		return true, nil
	case present.seq-at.seq > logSize:
		return false, nil
	}
	log := b.logged.Load()
	if log == nil || !log.is(present) {
		var err error
		if log, err = s.readLog(ctx, b, present); err != nil || log == nil {
			return false, err
		}
	}
	return log.spares(h.version, h.entry), nil
}

// readLog fetches the log of a bucket. It is nil if it is not that of the version, or a
// later one of the same epoch.
func (s *Store) readLog(ctx context.Context, b *bucket, present version) (*purgeLog, error) {
	var raw []string
	err := s.do(ctx, func(ctx context.Context) error {
		var err error
		raw, err = s.client.LRange(ctx, b.log, 0, -1).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	log := &purgeLog{epoch: present.epoch}
	for i, text := range raw {
		seq, r, ok := readRecord(text)
		if i == 0 {
			log.first = seq
		}
		if !ok || seq != log.first+uint64(i) {
			return nil, nil //nolint:nilnil // There is no log that could be trusted.
		}
		log.all = append(log.all, r)
	}
	n := len(log.all)
	if n == 0 || log.first+uint64(n)-1 < present.seq || present.seq < log.first || log.all[present.seq-log.first].id != present.id {
		return nil, nil //nolint:nilnil // As above.
	}
	b.logged.Store(log)
	return log, nil
}

// readRecord reads a purge of the log.
func readRecord(text string) (seq uint64, r record, ok bool) {
	const numbers = 16
	if len(text) < numbers {
		return 0, r, false
	}
	b := []byte(text)
	seq, r.id = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	b = b[numbers:]
	for len(b) > 0 {
		var tags []string
		if tags, b, ok = readTags(b, 1); !ok {
			return 0, r, false
		}
		r.tags = append(r.tags, strings.Clone(tags[0]))
	}
	return seq, r, true
}
