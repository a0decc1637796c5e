// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwks

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// Source is the keys of one issuer. It is safe for concurrent use.
type Source struct {
	options Options
	client  *http.Client
	current atomic.Pointer[known]
	ctx     context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex
	flight   chan struct{} // closed when the fetch that is under way ends; nil if none is
	failedAt time.Time     // zero after a success
	forcedAt time.Time     // when a token has made the last fetch
	lastErr  error
	fetches  int
}

// known is keys with the time at which they were fetched.
type known struct {
	set        *jwtverify.Set
	at         time.Time
	generation uint64
}

// Open returns the source of the keys that o tells. It fetches nothing yet.
func Open(o Options) (*Source, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Refresh <= 0 {
		o.Refresh = DefaultRefresh
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	s := &Source{options: o, client: &http.Client{Transport: o.transport(), CheckRedirect: stay}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close ends a fetch that is under way, and there is no other. The keys that are known stay.
func (s *Source) Close() { s.cancel() }

// Keys returns the keys that may be used now, for a token that names the key kid, or none.
// It waits for a fetch where there are no keys yet, or none of that name, and no longer
// than the fetch may take or ctx allows. The generation changes when the keys do. An error is
// ErrUnavailable, or that of ctx.
func (s *Source) Keys(ctx context.Context, kid string, now time.Time) (set *jwtverify.Set, generation uint64, err error) {
	k := s.usable(now)
	switch {
	case k == nil:
		if wait := s.begin(now, false); wait != nil {
			if err := s.await(ctx, wait); err != nil {
				return nil, 0, err
			}
		}
	case kid != "" && !k.set.Names(kid) && !anonymous(k.set):
		if wait := s.begin(now, true); wait != nil {
			if err := s.await(ctx, wait); err != nil {
				return nil, 0, err
			}
		}
	case now.Sub(k.at) >= s.options.Refresh:
		s.begin(now, false) // behind this request
	}
	// Keys that have come meanwhile are younger than now.
	if k = s.usable(now); k == nil {
		return nil, 0, ErrUnavailable
	}
	return k.set, k.generation, nil
}

// Current returns the generation of the keys that may be used now, 0 if there are none, and
// has them fetched anew if it is time, behind the request. It does not wait.
func (s *Source) Current(now time.Time) uint64 {
	k := s.usable(now)
	if k == nil {
		return 0
	}
	if now.Sub(k.at) >= s.options.Refresh {
		s.begin(now, false)
	}
	return k.generation
}

func (s *Source) usable(now time.Time) *known {
	k := s.current.Load()
	if k == nil || now.Sub(k.at) >= s.options.Keep {
		return nil
	}
	return k
}

// anonymous says that a key of the set has no identifier, so that it may be the one.
func anonymous(set *jwtverify.Set) bool { return set.Names("") }

// begin starts a fetch, or joins the one that is under way, and returns what is closed at
// its end. It returns nil if it is too early for another: forced ones, which tokens cause,
// and those after a failure have a cooldown.
func (s *Source) begin(now time.Time, forced bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil {
		return s.flight
	}
	if !s.failedAt.IsZero() && now.Sub(s.failedAt) < Cooldown || s.ctx.Err() != nil {
		return nil
	}
	if forced {
		if !s.forcedAt.IsZero() && now.Sub(s.forcedAt) < Cooldown {
			return nil
		}
		s.forcedAt = now
	}
	s.flight = make(chan struct{})
	s.fetches++
	go s.run(s.flight)
	return s.flight
}

func (s *Source) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errPanic is that what was fetched has made the library for keys panic.
var errPanic = errors.New("the answer cannot be read")

// tryFetch is fetch, in a goroutine where a panic would end the process.
func (s *Source) tryFetch(ctx context.Context) (set *jwtverify.Set, err error) {
	defer func() {
		if recover() != nil {
			set, err = nil, errPanic
		}
	}()
	return s.fetch(ctx)
}

// run fetches once, for whoever waits.
func (s *Source) run(done chan struct{}) {
	ctx, cancel := context.WithTimeout(s.ctx, Timeout)
	defer cancel()
	set, err := s.tryFetch(ctx)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	recovered := err == nil && !s.failedAt.IsZero()
	if s.lastErr = err; err != nil {
		s.failedAt = now
	} else {
		s.failedAt = time.Time{}
		next := known{set: set, at: now, generation: 1}
		if old := s.current.Load(); old != nil {
			next.generation = old.generation + 1
		}
		s.current.Store(&next)
	}
	if s.options.Report != nil && (recovered || err != nil && s.ctx.Err() == nil) {
		s.options.Report(err)
	}
	s.flight = nil
	close(done)
}

// Status is how a source is, for health checks and tests.
type Status struct {
	// Keys is how many keys are known, and Age how old they are.
	Keys int
	Age  time.Duration
	// Fetches is how often the issuer was asked since the source was opened.
	Fetches int
	// Err is how the last fetch has ended; nil if it went well, or there was none.
	Err error
}

// Status returns how the source is at the moment now.
func (s *Source) Status(now time.Time) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Fetches: s.fetches, Err: s.lastErr}
	if k := s.current.Load(); k != nil {
		st.Keys, st.Age = k.set.Len(), now.Sub(k.at)
	}
	return st
}
