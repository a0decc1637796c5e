// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

const (
	// ringAge is how old what is known of the keys may be. A key that somebody has
	// deleted from the store is worth nothing after that.
	ringAge = 30 * time.Second
	// ringRetry is how often the store is asked about keys that are not known, which
	// are also what forged tokens name.
	ringRetry = time.Second
	// maxKeys is how many keys of one issuer are read.
	maxKeys = 64
	// maxLead is how long at most a key is published before it signs, so that those who
	// keep the published keys for a while know it in time.
	maxLead = 10 * time.Minute
	// keysMaxAge is for how long others may keep the published keys.
	keysMaxAge = 5 * time.Minute
	// minLead is for how long a key is published that is made when its time has come already,
	// where another may sign meanwhile: until nobody keeps published keys without it.
	minLead = keysMaxAge + time.Minute
)

// ring is what is known of the keys. It never changes.
type ring struct {
	read time.Time
	keys []*key // by algorithm and number
	byID map[string]*key
}

// lead is how long before its time the next key is made.
func (s *Server) lead() time.Duration { return min(maxLead, s.config.Rotate/4) }

// current returns the keys, not older than ringAge. An error means that nobody can tell.
func (s *Server) current(ctx context.Context) (*ring, error) {
	if r := s.ring.Load(); r != nil && s.now().Sub(r.read) < ringAge {
		return r, nil
	}
	return s.beginReading(ctx).wait(ctx, storeTime)
}

// beginReading has the keys read from the store, if nobody does so already.
func (s *Server) beginReading(ctx context.Context) *attempt[*ring] {
	return s.readings.begin(ctx, "", storeTime, s.readRing)
}

// readAnew returns the keys by a reading that has begun after the call.
func (s *Server) readAnew(ctx context.Context) (*ring, error) {
	if older := s.readings.current(""); older != nil {
		if _, err := older.wait(ctx, storeTime); err != nil {
			return nil, err
		}
	}
	return s.beginReading(ctx).wait(ctx, storeTime)
}

// find returns the key with an id, or nil if there is none.
func (s *Server) find(ctx context.Context, id string) (*key, error) {
	r, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	if k := r.byID[id]; k != nil {
		return k, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, storeTime, errSlow)
	defer cancel()
	for range 2 { // a reading that was under way may have begun before the key was made
		under, begun := s.lookAgain(ctx)
		if under == nil {
			break
		}
		if r, err = under.wait(ctx, storeTime); err != nil {
			return nil, err
		}
		if k := r.byID[id]; k != nil || begun {
			return k, nil
		}
	}
	return s.ring.Load().byID[id], nil // somebody may just have read it
}

// lookAgain has the keys read once more, because one is not known, or returns the reading that
// is under way. It returns nil if one was looked for a moment ago.
func (s *Server) lookAgain(ctx context.Context) (under *attempt[*ring], begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if under = s.readings.current(""); under != nil {
		return under, false
	}
	if s.now().Sub(s.looked) < ringRetry {
		return nil, false
	}
	s.looked = s.now()
	return s.beginReading(ctx), true
}

// readRing reads the keys from the store. One does so at a time.
func (s *Server) readRing(ctx context.Context) (*ring, error) {
	read := s.now()
	list, err := s.records().List(ctx, s.prefix)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	r := &ring{read: read, byID: make(map[string]*key)}
	for _, record := range list {
		alg, number, ok := s.parseName(record.Key)
		if !ok || len(r.keys) == maxKeys {
			continue
		}
		plain, err := s.sealer.open(record.Key, record.Value)
		if err != nil {
			return nil, err
		}
		k, err := parseKey(alg, number, plain)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, k)
		r.byID[k.id] = k
	}
	slices.SortFunc(r.keys, func(a, b *key) int {
		return cmp.Or(cmp.Compare(a.alg, b.alg), cmp.Compare(a.number, b.number))
	})
	s.ring.Store(r)
	return r, nil
}

// signing returns the key that signs now. It has the first one made, and the next one shortly
// before its time. It waits for them only where there is no key that may sign.
func (s *Server) signing(ctx context.Context) (*key, error) {
	r, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	signs, newest := s.choose(r, s.now())
	if s.lasts(newest) {
		return signs, nil
	}
	making := s.makings.begin(ctx, "", makeTime, s.makeNext)
	if s.usable(signs) {
		return signs, nil // there is time to try again
	}
	return making.wait(ctx, makeTime)
}

// lasts says that after the newest key no other is needed yet.
func (s *Server) lasts(newest *key) bool {
	return newest != nil && s.now().Before(newest.from.Add(s.config.Rotate-s.lead()))
}

// usable says that a key may sign, if need be for a while after its time.
func (s *Server) usable(signs *key) bool {
	return signs != nil && s.now().Before(signs.from.Add(s.config.Rotate+s.lead()))
}

// makeNext makes the next key, unless it is there, and returns the one that signs now. One
// does so at a time; of several gateways that make it at once one succeeds, and the others
// use that.
func (s *Server) makeNext(ctx context.Context) (*key, error) {
	r, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	now := s.now()
	signs, newest := s.choose(r, now)
	if s.lasts(newest) {
		return signs, nil // somebody has just made it
	}
	number, from := 1, now
	if newest != nil {
		number = newest.number + 1
	}
	if s.usable(signs) {
		due := newest.from.Add(s.config.Rotate)
		from = earliest(latest(due, now.Add(minLead)), due.Add(s.lead()))
	}
	// Keys of RSA cost a second to make. A store that takes none is asked again later, not
	// for each request.
	if now.Sub(s.refused) < ringRetry {
		return nil, s.refusal
	}
	if err := s.makeKey(ctx, number, from); err != nil {
		s.refused, s.refusal = now, err
		return nil, err
	}
	if r, err = s.readAnew(ctx); err != nil {
		return nil, err
	}
	if signs, _ = s.choose(r, now); signs == nil {
		return nil, errors.New("the signing key that was just made is not in the store")
	}
	return signs, nil
}

// choose returns the key that signs at a moment and the newest one, which may be for
// later; both nil if there is none. Before the first has its time, it signs all the same.
func (s *Server) choose(r *ring, now time.Time) (signs, newest *key) {
	for _, k := range r.keys {
		if k.alg != s.config.Algorithm {
			continue
		}
		if signs == nil || !k.from.After(now) {
			signs = k
		}
		newest = k
	}
	return signs, newest
}

// makeKey puts a new key into the store, unless there is one of that number. It stays
// until the last token that it has signed has expired, whatever lifetime tokens have by
// then.
func (s *Server) makeKey(ctx context.Context, number int, from time.Time) error {
	record, err := generate(s.config.Algorithm, from)
	if err != nil {
		return err
	}
	name := s.keyName(s.config.Algorithm, number)
	ttl := from.Sub(s.now()) + s.config.Rotate + s.lead() + MaxLifetime + time.Hour
	if _, err := s.records().Add(ctx, name, s.sealer.seal(name, record), ttl); err != nil {
		return fmt.Errorf("store signing key: %w", err)
	}
	return nil
}

// recordPrefix is how the names of an issuer's keys begin.
func recordPrefix(issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return "oauth2key:" + encode(sum[:12]) + ":"
}

func (s *Server) keyName(alg string, number int) string {
	return fmt.Sprintf("%s%s:%08d", s.prefix, alg, number)
}

func (s *Server) parseName(name string) (alg string, number int, ok bool) {
	alg, digits, ok := strings.Cut(strings.TrimPrefix(name, s.prefix), ":")
	if !ok || alg != ES256 && alg != EdDSA && alg != RS256 {
		return "", 0, false
	}
	number, err := strconv.Atoi(digits)
	return alg, number, err == nil
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Interface guards
var _ records.Store = noRecords{}
