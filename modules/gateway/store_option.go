// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

const (
	// storeNamespace is where modules of type Store are registered.
	storeNamespace = "gateway.stores"
	// storeInlineKey is the member of the JSON object of a store that names its module.
	storeInlineKey = "module"
)

// store reads the option of that name:
//
//	store <module> ...
func (p *parser) store(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Errf("no store is named; write one of: %s", storeNames())
	}
	name := d.Val()
	id := storeNamespace + "." + name
	if _, err := caddy.GetModule(id); err != nil {
		return d.Errf("there is no store %q in this build; write one of: %s", name, storeNames())
	}
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return err
	}
	if _, ok := module.(Store); !ok {
		return d.Errf("module %s is %T, which is no store", id, module)
	}
	p.storeName = name
	p.app.StoreRaw = caddyconfig.JSONModuleObject(module, storeInlineKey, name, nil)
	return nil
}

// storeNames lists the stores of this build.
func storeNames() string {
	modules := caddy.GetModules(storeNamespace)
	names := make([]string, len(modules))
	for i, info := range modules {
		names[i] = info.ID.Name()
	}
	return strings.Join(names, ", ")
}

// loadStore provisions the store of the config, which opens nothing.
func (a *App) loadStore(ctx caddy.Context) error {
	a.storeNamed = len(a.StoreRaw) > 0
	var module any
	var err error
	if a.storeNamed {
		module, err = ctx.LoadModule(a, "StoreRaw")
	} else {
		module, err = ctx.LoadModuleByID(string(embeddedStoreID), nil)
	}
	if err != nil {
		return fmt.Errorf("load store: %w", err)
	}
	s, ok := module.(Store)
	if !ok {
		return fmt.Errorf("load store: module %T is no store", module)
	}
	a.counters.module = s
	return nil
}

// openStore opens the store where something needs it, or an option names it.
func (a *App) openStore() error {
	if !a.storeNamed && !a.counters.isNeeded() {
		return nil
	}
	if _, err := a.counters.start(); err != nil {
		return err
	}
	a.AddHealthChecker("store", HealthFunc(a.storeHealth))
	return nil
}
