// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxAnswers is how many answers of the store about tokens are remembered at most, in
// each of two generations.
const maxAnswers = 8192

// revocations remembers for a short time what the store says about tokens, so that it is
// not asked for each request. The zero value is ready.
type revocations struct {
	mu    sync.Mutex
	young map[string]answer
	old   map[string]answer
}

type answer struct {
	revoked bool
	until   int64 // nanoseconds since the Unix epoch
}

func (v *revocations) get(id string, now time.Time) (revoked, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a, ok := v.young[id]
	if !ok {
		a, ok = v.old[id]
	}
	if !ok || now.UnixNano() >= a.until {
		return false, false
	}
	return a.revoked, true
}

// set remembers an answer, and returns what counts: that a token is revoked is not
// overwritten by an answer from before.
func (v *revocations) set(id string, revoked bool, now, until time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	a, ok := v.young[id]
	if !ok {
		a, ok = v.old[id]
	}
	if ok && a.revoked && !revoked && now.UnixNano() < a.until {
		return true
	}
	if v.young == nil || len(v.young) >= maxAnswers {
		v.old, v.young = v.young, make(map[string]answer)
	}
	v.young[id] = answer{revoked, until.UnixNano()}
	return revoked
}

// isRevoked says that a token was revoked, or that nobody can tell. Requests with one token
// have the store asked once.
func (s *Server) isRevoked(ctx context.Context, id string, expires time.Time) (bool, error) {
	if revoked, known := s.revoked.get(id, s.now()); known {
		return revoked, nil
	}
	return s.askings.do(ctx, id, storeTime, func(ctx context.Context) (bool, error) {
		now := s.now()
		_, revoked, err := s.records().Get(ctx, s.revocationName(id))
		if err != nil {
			return false, fmt.Errorf("look for revocation: %w", err)
		}
		until := expires
		if !revoked {
			until = now.Add(RevocationDelay)
		}
		return s.revoked.set(id, revoked, now, until), nil
	})
}

// revoke makes that a token is worth nothing, until it would have expired. A client that
// leaves meanwhile does not undo it.
func (s *Server) revoke(ctx context.Context, id string, expires time.Time) error {
	_, err := s.revoking.do(ctx, id, storeTime, func(ctx context.Context) (bool, error) {
		now := s.now()
		// A margin, since the clocks of the store and of other gateways may differ.
		ttl := max(expires.Sub(now), 0) + time.Minute
		if err := s.records().Put(ctx, s.revocationName(id), []byte("1"), ttl); err != nil {
			return false, fmt.Errorf("store revocation: %w", err)
		}
		return s.revoked.set(id, true, now, now.Add(ttl)), nil
	})
	return err
}

func (s *Server) revocationName(id string) string {
	return "oauth2rev:" + s.prefix[len("oauth2key:"):] + id
}
