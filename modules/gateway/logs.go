// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sort"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// KeyRedactor marks log encoders that keep API keys out of what they write.
// Caddy copies a request for its access and error logs before any handler
// runs, so a handler that removes the key is too late.
type KeyRedactor interface {
	// RedactsKeys does nothing: to have it is the statement.
	RedactsKeys()
}

// warnAboutLogs looks at every log that gets requests and warns about those
// whose encoder would print API keys.
func (a *App) warnAboutLogs() {
	mod, err := a.ctx.AppIfConfigured("http")
	if err != nil || a.table.Len() == 0 {
		return
	}
	for _, name := range requestLoggers(mod.(*caddyhttp.App)) {
		if a.printsKeys(name) {
			a.plainLogs = append(a.plainLogs, name)
			a.logger.Warn("this log can show API keys: give it \"format gateway\", in the global log option or in the log directive of the site",
				zap.String("log", name))
		}
	}
}

// requestLoggers names the loggers that write about requests.
func requestLoggers(app *caddyhttp.App) []string {
	names := map[string]struct{}{"http.log.error": {}}
	for _, srv := range app.Servers {
		if srv.Logs == nil {
			continue
		}
		add := func(name string) {
			id := "http.log.access"
			if name != "" {
				id += "." + name
			}
			names[id] = struct{}{}
		}
		if !srv.Logs.SkipUnmappedHosts {
			add(srv.Logs.DefaultLoggerName)
		}
		for _, list := range srv.Logs.LoggerNames {
			for _, name := range list {
				add(name)
			}
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, strings.TrimSuffix(name, "."))
	}
	sort.Strings(sorted)
	return sorted
}

// printsKeys asks the encoders behind a logger what they are. Adding a field
// to a logger hands the field to the encoder of each log that takes entries
// from it, without writing anything.
func (a *App) printsKeys(logger string) bool {
	probe := new(encoderProbe)
	_ = a.ctx.Logger(loggerName(logger)).Core().With([]zapcore.Field{zap.Inline(probe)})
	return probe.plain
}

type encoderProbe struct{ plain bool }

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (p *encoderProbe) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	if _, ok := enc.(KeyRedactor); !ok {
		p.plain = true
	}
	return nil
}

// loggerName is a module in name only: Caddy chooses the logs of a logger by
// the module id.
type loggerName string

// CaddyModule returns the Caddy module information.
func (n loggerName) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: caddy.ModuleID(n), New: func() caddy.Module { return n }}
}

// Interface guards
var (
	_ zapcore.ObjectMarshaler = (*encoderProbe)(nil)
	_ caddy.Module            = loggerName("")
)
