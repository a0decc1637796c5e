// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

const storeLogger = "gateway.store"

// storeCalm is how long a store has to be as it should before that is told.
var storeCalm = time.Second

// stores are the open stores of the process, by module, identity and instance.
var stores = caddy.NewUsagePool()

// storeDoors holds a mutex for each such key: a store that is being closed must be
// closed before it is opened again.
var storeDoors sync.Map

type storeKey struct{ module, identity, instance string }

// openStore is a store that the process has open. All configs with the same store
// share it, and it is closed when the last of them has served its last request.
type openStore struct {
	OpenStore
	key      storeKey
	name     string // the module's, such as "redis"
	metrics  *storeMetrics
	degraded prometheus.Counter

	mu       sync.Mutex
	users    []*App                          // the latest comes last
	shares   map[ledger.Ledger]ledger.Ledger // the shared view of each ledger of a config
	incident bool                            // it was not as it should be, or until a moment ago
	failing  error                           // what changed was told last
	recovery *time.Timer                     // that ends the incident, or nil

	tuning sync.Mutex

	recording sync.Mutex // held while records are opened
	ended     bool       // none are opened any more
	records   atomic.Pointer[OpenRecords]
}

func storeName(s Store) string { return s.CaddyModule().ID.Name() }

// acquireStore opens a store for a config, or makes the config one of those that
// use it. Before that it opens the ledger, in whose directory is what identifies this
// gateway, and which only one process uses.
func acquireStore(a *App, m Store) (*openStore, error) {
	if err := a.acquireDisk(); err != nil {
		return nil, err
	}
	instance, err := a.instanceID()
	if err != nil {
		return nil, err
	}
	key := storeKey{string(m.CaddyModule().ID), m.Identity(), instance}
	value, _, err := stores.LoadOrNew(key, func() (caddy.Destructor, error) {
		defer door(key)()
		return newOpenStore(a, m, key)
	})
	if err != nil {
		return nil, err
	}
	s := value.(*openStore)
	s.join(a)
	return s, nil
}

// door waits until nobody opens or closes the store, and returns what lets the next
// one.
func door(key storeKey) (leave func()) {
	value, _ := storeDoors.LoadOrStore(key, new(sync.Mutex))
	mu := value.(*sync.Mutex)
	mu.Lock()
	return mu.Unlock
}

func newOpenStore(a *App, m Store, key storeKey) (*openStore, error) {
	s := &openStore{key: key, name: storeName(m), metrics: a.shared.metrics.stores, users: []*App{a}}
	s.degraded = s.metrics.degraded.WithLabelValues(s.name)
	open, err := m.Open(StoreEnv{Instance: key.instance, Dir: a.ledgerDir, Log: s.log, Changed: s.changed})
	if err != nil {
		return nil, err
	}
	s.OpenStore = open
	s.metrics.add(s)
	s.log().Debug("store opened", zap.String("store", s.name))
	return s, nil
}

// join makes a one of the configs that use s, whose options are now those of a.
func (s *openStore) join(a *App) {
	s.mu.Lock()
	first := slices.Contains(s.users, a) // that opened it
	if !first {
		s.users = append(s.users, a)
	}
	s.mu.Unlock()
	if !first {
		s.tune()
	}
}

// release ends the use of s by a, and closes it after the last one.
func (s *openStore) release(a *App) error {
	s.mu.Lock()
	s.users = slices.DeleteFunc(s.users, func(u *App) bool { return u == a })
	s.mu.Unlock()
	s.tune()
	defer door(s.key)()
	_, err := stores.Delete(s.key)
	return err
}

// tune puts the options of the latest config in force: one that was refused may have
// been it for a moment.
func (s *openStore) tune() {
	t, ok := s.OpenStore.(StoreTuner)
	if !ok {
		return
	}
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.mu.Lock()
	var latest Store
	if n := len(s.users); n > 0 {
		latest = s.users[n-1].counters.module
	}
	s.mu.Unlock()
	if latest != nil {
		t.Tune(latest)
	}
}

// share returns the ledger of all gateways for a config whose own is local, or local
// where the store has none.
func (s *openStore) share(local ledger.Ledger, keep time.Duration) ledger.Ledger {
	sharer, ok := s.OpenStore.(LedgerSharer)
	if !ok {
		return local
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	view := s.shares[local]
	if view == nil {
		var err error
		if view, err = sharer.SharedLedger(local, keep); err != nil {
			caddy.Log().Named(storeLogger).Error("the ledger is not shared with other gateways", zap.String("store", s.name), zap.Error(err))
			return local
		}
		if s.shares == nil {
			s.shares = make(map[ledger.Ledger]ledger.Ledger)
		}
		s.shares[local] = view
	} else if k, ok := view.(interface{ SetKeep(keep time.Duration) }); ok {
		k.SetKeep(keep)
	}
	return view
}

// usedBy returns how many configs use s.
func (s *openStore) usedBy() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.users)
}

// changed is told when the store ceases to be as it should (err is why) and when it
// is again. Stores that come and go are logged once, and again when they have stayed.
func (s *openStore) changed(err error) {
	s.mu.Lock()
	again := s.incident
	s.failing = err
	if s.recovery != nil {
		s.recovery.Stop()
		s.recovery = nil
	}
	if err != nil {
		s.incident = true
	} else if again {
		s.recovery = time.AfterFunc(storeCalm, s.recovered)
	}
	s.mu.Unlock()
	if err != nil && !again {
		s.log().Error("the store of limits is not as it should be; limits are held as well as can be without it",
			zap.String("store", s.name), zap.Error(err))
	}
}

// recovered is called when there was nothing wrong for a while.
func (s *openStore) recovered() {
	s.mu.Lock()
	over := s.incident && s.failing == nil
	if over {
		s.incident = false
	}
	s.mu.Unlock()
	if over {
		s.log().Info("the store of limits is as it should be again", zap.String("store", s.name))
	}
}

// log returns the logger of the latest config.
func (s *openStore) log() *zap.Logger {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.users) == 0 {
		return caddy.Log().Named(storeLogger)
	}
	return s.users[len(s.users)-1].storeLog()
}

// Destruct implements caddy.Destructor.
func (s *openStore) Destruct() error {
	s.recording.Lock()
	s.ended = true
	s.recording.Unlock()
	err := s.Close()
	s.mu.Lock()
	if s.recovery != nil {
		s.recovery.Stop()
	}
	s.mu.Unlock()
	s.metrics.remove(s)
	if err != nil {
		s.log().Error("the store of limits was not closed as it should be", zap.String("store", s.name), zap.Error(err))
		return err
	}
	s.log().Debug("store closed", zap.String("store", s.name))
	return nil
}

func (a *App) storeLog() *zap.Logger { return a.ctx.Logger(loggerName(storeLogger)) }

// Interface guards
var _ caddy.Destructor = (*openStore)(nil)
