// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
)

const (
	ledgerLogger = "gateway.ledger"
	auditLogger  = "gateway.audit"

	// closingWait is how long to wait for this process itself to close a ledger
	// that a new config uses again.
	closingWait = 10 * time.Second
)

// disk is an open ledger on disk. All configs of the process that name its
// directory share it, and it is closed when the last of them has served its last
// request.
type disk struct {
	*ledgerdb.DB
	dir string

	mu       sync.Mutex
	users    []*App      // the latest comes last
	incident bool        // it cannot be written, or could not until a moment ago
	recovery *time.Timer // that ends the incident, or nil
}

// disks are the open ledgers by directory.
var disks = caddy.NewUsagePool()

// closing holds a channel for each ledger that is being closed, by directory.
var closing sync.Map

// openLedger opens the ledger of the config, or takes part in it where the process
// has it open, shares it with other gateways if the store does, and moves there what
// was recorded early.
func (a *App) openLedger() error {
	early, later := a.book.(*staged)
	if !later {
		return nil
	}
	if a.ledgerDir == "" {
		a.moveEarly(early, a.shared.ledger)
		return nil
	}
	if err := a.acquireDisk(); err != nil {
		return err
	}
	a.moveEarly(early, a.disk)
	return nil
}

// acquireDisk opens the directory of the ledger, if the config has one, or takes part
// in it where the process has it open.
func (a *App) acquireDisk() error {
	a.counters.opening.Lock() // the first decision may come while the app starts
	defer a.counters.opening.Unlock()
	if a.ledgerDir == "" || a.disk != nil {
		return nil
	}
	// Symbolic links are followed, so that one directory is one ledger. That
	// needs it to be there.
	if err := os.MkdirAll(a.ledgerDir, 0o700); err != nil {
		return fmt.Errorf("make directory of the ledger: %w", err)
	}
	dir, err := filepath.EvalSymlinks(a.ledgerDir)
	if err != nil {
		return fmt.Errorf("find ledger: %w", err)
	}
	value, _, err := disks.LoadOrNew(dir, func() (caddy.Destructor, error) { return a.openDisk(dir) })
	if err != nil {
		return err
	}
	d := value.(*disk)
	d.join(a)
	a.disk = d
	undrained.add(a)
	return nil
}

// moveEarly hands on what was recorded early to the config's own ledger, and from
// there to that of all gateways, if there is one.
func (a *App) moveEarly(early *staged, own ledger.Ledger) {
	to := own
	if s := a.counters.open.Load(); s != nil {
		to = s.share(own, a.LedgerConfig.keep())
	}
	moved, missed := early.moveTo(to)
	if moved > 0 {
		a.ledgerLog().Debug("requests that were served before the ledger was open are in it now", zap.Int("requests", moved))
	}
	if missed > 0 {
		a.ledgerLog().Error("more requests were served before the ledger was open than could wait for it; they are not in it",
			zap.Int("requests", missed))
	}
}

func (a *App) openDisk(dir string) (*disk, error) {
	d := &disk{dir: dir, users: []*App{a}}
	o := ledgerdb.Options{Dir: dir, Keep: a.LedgerConfig.keep(), OnChange: d.changed}
	db, recovery, err := ledgerdb.Open(o)
	for tries := 0; errors.Is(err, ledgerdb.ErrInUse) && tries < 2; tries++ {
		// This process may be about to close it, after the path was changed and
		// changed back.
		if ended, ok := closing.Load(dir); ok {
			select {
			case <-ended.(chan struct{}):
			case <-time.After(closingWait):
			}
		}
		db, recovery, err = ledgerdb.Open(o)
	}
	if errors.Is(err, ledgerdb.ErrInUse) {
		return nil, fmt.Errorf("%w; stop that process, or give this one a directory of its own with the option: ledger <path>", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (to run without a ledger on disk, write: ledger memory)", err)
	}
	d.mu.Lock() // it may fail already
	d.DB = db
	d.mu.Unlock()
	log := a.ledgerLog().With(zap.String("path", dir), zap.Int("replayed", recovery.Records))
	if recovery.Lossy() {
		log.Error("ledger opened, and some of what was recorded is lost", zap.String("recovery", recovery.String()))
	} else {
		log.Info("ledger opened", zap.String("recovery", recovery.String()))
	}
	return d, nil
}

// join makes a one of the configs that use d.
func (d *disk) join(a *App) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.users, a) { // the one that opened it is
		d.users = append(d.users, a)
	}
	d.SetKeep(d.keep())
}

// leave is the opposite of join.
func (d *disk) leave(a *App) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users = slices.DeleteFunc(d.users, func(u *App) bool { return u == a })
	if len(d.users) > 0 {
		d.SetKeep(d.keep())
	}
}

// usedBy returns how many configs use d.
func (d *disk) usedBy() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.users)
}

// keep returns the longest of what the configs ask for: one that is refused after
// it has started, and is never in force, deletes nothing.
func (d *disk) keep() (longest time.Duration) {
	for _, a := range d.users {
		keep := a.LedgerConfig.keep()
		if keep == 0 {
			return 0
		}
		longest = max(longest, keep)
	}
	return longest
}

// calm is how long the ledger has to be written again before that is told. On a
// full disk there is room now and then, for a moment.
var calm = 10 * time.Second

// changed is told when the ledger ceases to be durable (err is why) and when it is
// again.
func (d *disk) changed(err error) {
	d.mu.Lock()
	again := d.incident
	if err == nil {
		d.recovery = time.AfterFunc(calm, d.recovered)
	} else {
		d.incident = true
		if d.recovery != nil {
			d.recovery.Stop()
		}
	}
	d.mu.Unlock()
	if err != nil && !again {
		d.log().Error("the ledger cannot be written; requests go on, and what they cost is kept in memory until it can",
			zap.String("path", d.dir), zap.Error(err))
	}
}

// recovered is called when there was nothing wrong for a while.
func (d *disk) recovered() {
	d.mu.Lock()
	over := d.incident && d.DB != nil && d.Err() == nil
	if over {
		d.incident = false
	}
	d.mu.Unlock()
	if over {
		d.log().Info("the ledger is written again, with all that was kept in memory", zap.String("path", d.dir))
	}
}

// durable reports whether the ledger keeps its promise, and has for a while.
func (d *disk) durable() bool {
	d.mu.Lock()
	incident := d.incident
	d.mu.Unlock()
	return !incident && d.Err() == nil
}

// log returns the logger of the latest config.
func (d *disk) log() *zap.Logger {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.users) == 0 {
		return caddy.Log().Named(ledgerLogger)
	}
	return d.users[len(d.users)-1].ledgerLog()
}

// Destruct implements caddy.Destructor: it writes what is in memory and gives the
// lock back.
func (d *disk) Destruct() error {
	ended := make(chan struct{})
	closing.Store(d.dir, ended)
	defer close(ended)
	defer closing.Delete(d.dir)
	d.mu.Lock()
	if d.recovery != nil {
		d.recovery.Stop()
	}
	d.mu.Unlock()
	err := d.Close()
	log := d.log().With(zap.String("path", d.dir))
	if err != nil {
		log.Error("the ledger was not written to the end; what is in its journal will be read at the next start", zap.Error(err))
		return err
	}
	log.Info("ledger closed")
	return nil
}

func (a *App) ledgerLog() *zap.Logger { return a.ctx.Logger(loggerName(ledgerLogger)) }

func (a *App) auditLog() *zap.Logger { return a.ctx.Logger(loggerName(auditLogger)) }

// Interface guards
var _ caddy.Destructor = (*disk)(nil)
