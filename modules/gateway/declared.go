// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// declaredKey is where an adaptation keeps what its gateway option declares.
const declaredKey = "gateway.declared"

// Declared is what the gateway global option of a Caddyfile declares, for
// directives that refer to it: a name that does not exist is refused with the
// file and line of the directive. Files with more consumers are read only at
// load, so with them every name may exist; Provision checks again.
type Declared struct{ app *App }

// DeclaredIn returns what the Caddyfile that h belongs to declares.
func DeclaredIn(h httpcaddyfile.Helper) Declared {
	if app, ok := h.State[declaredKey].(*App); ok {
		return Declared{app}
	}
	app := new(App)
	if opt, ok := h.Option("gateway").(httpcaddyfile.App); ok {
		_ = json.Unmarshal(opt.Value, app) // it was marshalled by parseGlobal
	}
	if h.State != nil {
		h.State[declaredKey] = app
	}
	return Declared{app}
}

// Group returns an error unless a consumer can be in group name.
func (d Declared) Group(name string) error {
	if len(d.app.ConsumersFiles) > 0 || d.app.declares(name) {
		return nil
	}
	return fmt.Errorf("group %q does not exist; declare it in the gateway option with: group %s", name, name)
}

// Consumer returns an error unless consumer name exists.
func (d Declared) Consumer(name string) error {
	if len(d.app.ConsumersFiles) > 0 || slices.ContainsFunc(d.app.Consumers, func(s consumers.Spec) bool { return s.Name == name }) {
		return nil
	}
	return fmt.Errorf("consumer %q does not exist; declare it in the gateway option with: consumer %s", name, name)
}

// Kong says that the gateway option declares the profile kong.
func (d Declared) Kong() bool { return d.app.Profile == ProfileKong }
