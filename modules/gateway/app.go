// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package gateway is the app that Tollgate's handlers share: who may call
// (groups, consumers and their keys), what models cost (the price book), what
// was spent (the ledger), metrics, admin endpoints and the subcommands
// "caddy gateway ...".
//
// In a Caddyfile it is the global option gateway:
//
//	{
//		gateway {
//			group llm
//			consumer reasoning-engine {
//				key {env.REASONING_ENGINE_KEY}
//				groups llm reasoning-engine
//				allow_ip 127.0.0.1 192.168.1.0/24
//			}
//		}
//	}
//
// See docs/gateway.md for every option.
package gateway

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/oauthserver"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(App)) }

// Values of App.UnknownModel.
const (
	UnknownAllow  = "allow"
	UnknownRefuse = "refuse"
)

// ProfileKong is the value of App.Profile that follows Kong where the
// gateway's own default is stricter.
const ProfileKong = "kong"

// App is the gateway's shared configuration and state.
//
// Configuration belongs to one load of the config and is swapped whole on
// reload: a config with any invalid consumer, key or price is refused and the
// old one keeps running. Metrics and counters belong to the process and the
// ledger to its directory: they survive reloads, and requests of the old config
// that are still in flight are counted where they would have been without one.
type App struct {
	// Plans are named sets of limits, for consumers and groups. The one that is
	// called default is for callers without any.
	Plans []PlanConfig `json:"plans,omitempty"`

	// Groups that consumers may be in. The name of a consumer is a group of
	// its own and need not be declared.
	Groups []Group `json:"groups,omitempty"`

	// Consumers who may call, with their keys.
	Consumers []consumers.Spec `json:"consumers,omitempty"`

	// ConsumersFiles are files with more consumers (JSON, or CSV where the
	// name ends in .csv), read at load. They are validated together with
	// Consumers. Caddy reloads only when its config changes, so reload with
	// --force after changing such a file.
	ConsumersFiles []string `json:"consumers_files,omitempty"`

	// PriceFiles override or extend the built-in price book, in order: files
	// in the gateway's own format or in that of LiteLLM's
	// model_prices_and_context_window.json.
	PriceFiles []string `json:"price_files,omitempty"`

	// UnknownModel says what happens to a call of a model that the price
	// book does not know: "allow" (the default) lets it pass and counts and
	// logs its cost as unknown; "refuse" answers 403.
	UnknownModel string `json:"unknown_model,omitempty"`

	// Profile "kong" makes handlers behave and answer as Kong's plugins do
	// where the default is stricter or different: see docs/kong.md.
	Profile string `json:"profile,omitempty"`

	// LedgerConfig says where usage is kept. Default: on disk, in Caddy's data
	// directory, for 400 days.
	LedgerConfig *LedgerConfig `json:"ledger,omitempty"`

	// StoreRaw says where the counters of limits are kept. Default: embedded, in
	// Caddy's data directory. It is opened only when something counts.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=gateway.stores inline_key=module"`

	// Caches are named caches of responses, which routes may share. The one that is
	// called default exists without being declared.
	Caches []CacheConfig `json:"caches,omitempty"`

	// OAuthServerConfig makes the gateway an authorization server. Default: it is none.
	OAuthServerConfig *OAuthServerConfig `json:"oauth2_server,omitempty"`

	// MetricsConsumers is how many different consumers get a label value of
	// their own in metrics; all others share "_other". Default: 1000.
	MetricsConsumers int `json:"metrics_consumers,omitempty"`

	ctx    caddy.Context
	logger *zap.Logger
	plans  plans
	table  *consumers.Table
	prices *pricing.Book
	oauth  *oauthserver.Server
	shared *shared
	live   state.Live // requests that this config serves

	ledgerDir string        // of the ledger; empty if it is in memory
	book      ledger.Ledger // where requests are recorded; staged if Start opens or shares it
	disk      *disk         // set by Start if ledgerDir is

	storeNamed bool      // by the option store
	counters   *counters // of limits
	caches     caches
	records    recordsView

	events limitEvents
	quotas []Quota

	parts     []healthPart
	plainLogs []string // logs that can show keys; set by Start
}

// Group is a named set of consumers, for acl and the consumer_group matcher.
type Group struct {
	// Name of the group.
	Name string `json:"name"`

	// Plan is the name of a plan, which holds for each consumer in the group.
	Plan string `json:"plan,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway", New: func() caddy.Module { return new(App) }}
}

// Provision resolves keys, reads files and compiles the consumer table and the
// price book. It reads local files only: nothing is dialled, locked or written,
// so that a config can be validated beside an instance that runs.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx = ctx
	a.logger = ctx.Logger()
	if a.MetricsConsumers == 0 {
		a.MetricsConsumers = defaultMetricsConsumers
	}
	// First of all, since a refused config stays behind Caddy's /metrics: its
	// registry must show the gateway all the same.
	var err error
	if a.shared, err = acquireShared(); err != nil {
		return err
	}
	a.counters = &counters{app: a}
	a.records.app = a
	if err := a.shared.metrics.register(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if a.ledgerDir, err = a.LedgerConfig.directory(); err != nil {
		return err
	}
	if err := a.loadStore(ctx); err != nil {
		return err
	}
	if err := a.loadCaches(); err != nil {
		return err
	}
	if a.book = ledger.Ledger(a.shared.ledger); a.ledgerDir != "" || a.storeNamed {
		a.book = newStaged()
	}
	if err := a.loadPlans(); err != nil {
		return err
	}
	if a.table, err = a.loadConsumers(); err != nil {
		return err
	}
	if a.prices, err = a.loadPrices(); err != nil {
		return err
	}
	if err := a.loadOAuthServer(); err != nil {
		return err
	}
	a.addOwnParts()
	a.events.open(ctx)
	return nil
}

// Validate checks the values of options.
func (a *App) Validate() error {
	var problems []error
	if a.UnknownModel != "" && a.UnknownModel != UnknownAllow && a.UnknownModel != UnknownRefuse {
		problems = append(problems, fmt.Errorf("unknown_model is %q; write allow or refuse", a.UnknownModel))
	}
	if a.Profile != "" && a.Profile != ProfileKong {
		problems = append(problems, fmt.Errorf("profile is %q; the only profile is kong", a.Profile))
	}
	if a.MetricsConsumers < 0 || a.MetricsConsumers > mostMetricsConsumers {
		problems = append(problems, fmt.Errorf("metrics_consumers is %d; write a positive number of at most %d", a.MetricsConsumers, mostMetricsConsumers))
	}
	if err := a.LedgerConfig.validate(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Start opens store, ledger, records and caches, applies what belongs to the process and
// warns about logs that would show keys. It fails where one of them cannot be
// opened, or where another process uses it.
func (a *App) Start() error {
	if err := a.checkQuotas(); err != nil {
		return err
	}
	if err := a.openStore(); err != nil {
		return err
	}
	if err := a.openLedger(); err != nil {
		return err
	}
	if err := a.openRecords(); err != nil {
		return err
	}
	if err := a.openCaches(); err != nil {
		return err
	}
	a.shared.metrics.limitConsumers(a.MetricsConsumers)
	a.shared.metrics.retainConsumers(func(name string) bool { return a.table.Consumer(name) != nil })
	a.retainBudgets()
	a.warnAboutLogs()
	return nil
}

// Stop does nothing: requests of this config may still be in flight.
func (a *App) Stop() error { return nil }

// Cleanup gives back what belongs to the process. The app keeps its pointers: after
// a reload, requests of the old config are still to be counted, and the ledger is
// given back after the last of them. When the process ends, requests that are left
// are settled as they stand, and the ledger is closed.
func (a *App) Cleanup() error {
	if a.shared == nil {
		return nil
	}
	if a.book != nil {
		a.drain()
	}
	return releaseShared()
}

// Get returns the gateway app of ctx for a module that needs it, and creates
// one without consumers where the config has none.
func Get(ctx caddy.Context) (*App, error) {
	mod, err := ctx.App("gateway")
	if err != nil {
		return nil, fmt.Errorf("get gateway app: %w", err)
	}
	return mod.(*App), nil
}

// ConsumerTable returns the compiled consumer table. It never changes.
func (a *App) ConsumerTable() *consumers.Table { return a.table }

// Prices returns the price book. It never changes.
func (a *App) Prices() *pricing.Book { return a.prices }

// Ledger returns what was used and what it cost. It survives reloads and, unless
// it is in memory, the process.
func (a *App) Ledger() ledger.Ledger { return a.book }

// LedgerErr returns nil while every settled request is as durable as the ledger
// promises, and otherwise why not. Spend is then complete in memory, but a crash
// would lose some of it: a limit that must hold across a restart cannot be
// enforced by it.
func (a *App) LedgerErr() error { return a.book.Err() }

// Kong says that the profile "kong" is in force.
func (a *App) Kong() bool { return a.Profile == ProfileKong }

// KnowsGroup says that some consumer could be in group name.
func (a *App) KnowsGroup(name string) bool {
	for _, g := range a.Groups {
		if g.Name == name {
			return true
		}
	}
	return a.table.Consumer(name) != nil
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
	_ state.Host         = (*App)(nil)
)
