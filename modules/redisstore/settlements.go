// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/internal/limitredis"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

const (
	// settlementsDir is where settlements wait for Redis, in the directory of the
	// ledger.
	settlementsDir = "settlements"
	// releaseEvery is after how many settlements that Redis has understood the
	// journal is told what it need not keep.
	releaseEvery = 1024
	// releasedFile holds the number of the last record that is not needed. What is
	// missing up to there is not lost.
	releasedFile = "released"

	settlementSize = 4 << 20 // of a segment
	// retryEvery is how often it is tried after a failure whether the disk takes
	// writes again.
	retryEvery = time.Second

	recordWaits = 's' // followed by the ID and the settlement
	recordDone  = 'd' // followed by the ID
)

// settlements are those of hard budgets that Redis has not understood yet. They are
// written to a file, so that a gateway that crashes while Redis is down charges what
// was used, and not what was reserved.
type settlements struct {
	dir      string
	mu       sync.Mutex
	journal  *journal.Journal
	waiting  map[limits.ID]uint64 // to the number of the record
	order    []waiting            // by number, with some that do not wait any more
	released int                  // how many were done since the journal was told
	tried    time.Time            // when the disk was tried after a failure
}

type waiting struct {
	id  limits.ID
	seq uint64
}

// openSettlements opens the journal in a directory, and returns what waits in it.
func openSettlements(dir string) (*settlements, [][]byte, error) {
	s := &settlements{dir: dir, waiting: make(map[limits.ID]uint64)}
	released := uint64(0)
	if text, err := os.ReadFile(filepath.Join(dir, releasedFile)); err == nil {
		released, _ = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64) // 0 has everything read
	}
	payloads := make(map[limits.ID][]byte)
	j, recovery, err := journal.Open(journal.Options{Dir: dir, SegmentSize: settlementSize}, released, func(seq uint64, record []byte) error {
		if len(record) < 1+len(limits.ID{}) {
			return nil // written by something else
		}
		id := limits.ID(record[1:])
		switch record[0] {
		case recordWaits:
			s.wait(id, seq)
			payloads[id] = append([]byte(nil), record[1+len(id):]...)
		case recordDone:
			delete(s.waiting, id)
			delete(payloads, id)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	s.journal = j
	left := make([][]byte, 0, len(payloads))
	for _, w := range s.order {
		if payload, ok := payloads[w.id]; ok {
			left = append(left, payload)
			delete(payloads, w.id)
		}
	}
	if len(recovery.Damaged) > 0 {
		err = errors.New("some settlements are damaged, and charged as they were reserved: " + recovery.String())
	}
	return s, left, err
}

func (s *settlements) wait(id limits.ID, seq uint64) {
	s.waiting[id] = seq
	s.order = append(s.order, waiting{id, seq})
}

// append writes a record. What could not be written when the disk failed is not made up
// for: if the gateway crashes, it is charged as reserved.
func (s *settlements) append(record []byte) (seq uint64, err error) {
	if len(record) > journal.MaxPayload {
		return 0, journal.ErrTooLarge // after which the journal would take nothing
	}
	seq, err = s.journal.Append(record)
	if err == nil || time.Since(s.tried) < retryEvery {
		return seq, err
	}
	s.tried = time.Now()
	if s.journal.Retry() != nil {
		return seq, err
	}
	return s.journal.Append(record)
}

// Save implements limitredis.Journal.
func (s *settlements) Save(id limits.ID, payload []byte) error {
	record := append(append(make([]byte, 0, 1+len(id)+len(payload)), recordWaits), id[:]...)
	s.mu.Lock()
	defer s.mu.Unlock()
	seq, err := s.append(append(record, payload...))
	if err == nil {
		s.wait(id, seq)
	}
	return err
}

// Done implements limitredis.Journal. If it cannot be written, Redis is told again
// after the next start, where it counts once.
func (s *settlements) Done(id limits.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.waiting[id]; !ok {
		return
	}
	delete(s.waiting, id)
	_, _ = s.append(append([]byte{recordDone}, id[:]...))
	if s.released++; s.released >= releaseEvery {
		s.release()
	}
}

// release tells the journal what it need not keep: all before the first settlement
// that waits.
func (s *settlements) release() {
	s.released = 0
	for len(s.order) > 0 && s.waiting[s.order[0].id] != s.order[0].seq {
		s.order = s.order[1:]
	}
	last := s.journal.Last()
	if len(s.order) > 0 {
		last = s.order[0].seq - 1
	} else {
		s.order = nil
	}
	if s.writeReleased(last) == nil {
		_ = s.journal.Release(last) // what it cannot delete now, it will later
	}
}

// writeReleased replaces the file of that name as a whole.
func (s *settlements) writeReleased(seq uint64) error {
	f, err := os.CreateTemp(s.dir, "."+releasedFile+".*") // open to the owner alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where it got its name
	_, err = f.WriteString(strconv.FormatUint(seq, 10) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(s.dir, releasedFile))
}

// Close ends the use of the files.
func (s *settlements) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
	return s.journal.Close()
}

// Interface guards
var _ limitredis.Journal = (*settlements)(nil)
