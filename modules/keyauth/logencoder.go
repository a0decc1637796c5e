// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"fmt"
	"os"

	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { caddy.RegisterModule(new(Encoder)) }

// Encoder is the log format gateway. It keeps secrets out of log entries and
// leaves the writing of them to another format. Hidden are:
//
//   - headers that carry keys or sessions, in requests and responses and in
//     the variables of FastCGI: apikey, api-key, X-API-Key, X-Goog-Api-Key,
//     X-Auth-Token, X-Amz-Security-Token, Authorization, Proxy-Authorization,
//     Cookie and Set-Cookie, also where the server has log_credentials;
//   - the values of query parameters that carry keys or signatures (apikey,
//     api_key, key, token, access_token, X-Amz-Signature and their kin),
//     wherever a URL stands: in the request's URI, in a Referer or Location, in
//     an error message;
//   - every header and parameter that a key_auth of any config since the start
//     of the process takes keys from, and those listed here;
//   - whatever has the form of a key made by "caddy gateway key new", in any
//     text.
//
// A hidden value reads REDACTED. Names of fields stay. Whoever logs a secret
// under a name of their own (log_append, say) must not.
//
// Fields that a logger is given beforehand are encoded when it writes a line,
// and not at all if it writes none, which is what becomes of the request that
// reverse_proxy gives to a logger for each round trip. A line then shows the
// request as it was sent to the upstream. Objects and lists other than that
// request are encoded at once, since they may change.
type Encoder struct {
	// WrappedRaw is the format that writes the entry. Default: json, or console
	// if the output is a terminal.
	WrappedRaw json.RawMessage `json:"wrap,omitempty" caddy:"namespace=caddy.logging.encoders inline_key=format"`

	// Headers are more headers to hide.
	Headers []string `json:"headers,omitempty"`

	// Query are more query parameters to hide.
	Query []string `json:"query,omitempty"`

	deferral `json:"-"`

	// byDefault says that nobody has chosen the wrapped format.
	byDefault bool
	ctx       caddy.Context
}

// CaddyModule returns the Caddy module information.
func (*Encoder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.encoders.gateway", New: func() caddy.Module { return new(Encoder) }}
}

// Provision loads the wrapped format.
func (e *Encoder) Provision(ctx caddy.Context) error {
	e.ctx = ctx
	learn(e.Headers, e.Query)
	if e.WrappedRaw == nil {
		e.byDefault = true
		return e.wrap(new(logging.JSONEncoder))
	}
	mod, err := ctx.LoadModule(e, "WrappedRaw")
	if err != nil {
		return fmt.Errorf("load wrapped log format: %w", err)
	}
	e.wrapped = mod.(zapcore.Encoder)
	return nil
}

func (e *Encoder) wrap(enc zapcore.Encoder) error {
	if p, ok := enc.(caddy.Provisioner); ok {
		if err := p.Provision(e.ctx); err != nil {
			return fmt.Errorf("set up default log format: %w", err)
		}
	}
	e.wrapped = enc
	return nil
}

// ConfigureDefaultFormat implements caddy.ConfiguresFormatterDefault: without
// a choice, a terminal gets the console format, as in Caddy.
func (e *Encoder) ConfigureDefaultFormat(wo caddy.WriterOpener) error {
	if !e.byDefault {
		if inner, ok := e.wrapped.(caddy.ConfiguresFormatterDefault); ok {
			return inner.ConfigureDefaultFormat(wo)
		}
		return nil
	}
	if caddy.IsWriterStandardStream(wo) && term.IsTerminal(int(os.Stderr.Fd())) {
		return e.wrap(new(logging.ConsoleEncoder))
	}
	return nil
}

// UnmarshalCaddyfile sets up the format from Caddyfile tokens. Syntax:
//
//	format gateway [<format>] {
//		wrap    <format> [{...}]
//		headers <name...>
//		query   <name...>
//	}
//
// The wrapped format is named on the line or by wrap, with options only by
// wrap. Headers and query may repeat.
func (e *Encoder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the format's name
	args, err := options.Args(d, "[<format>]")
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if err := e.wrapNamed(d, args[0], caddyfile.NewDispenser([]caddyfile.Token{d.Token()})); err != nil {
			return err
		}
	}
	return options.Parse(d, "gateway", options.Set{
		"headers": options.Headers(&e.Headers).Repeat(),
		"query":   options.Strings(&e.Query).Repeat(),
		"wrap": options.Raw(func(d *caddyfile.Dispenser) error {
			if e.WrappedRaw != nil {
				return d.Err("the format to wrap is named twice; keep one of the two")
			}
			if !d.NextArg() {
				return d.Err("wrap takes the name of a format; write: wrap json")
			}
			return e.wrapNamed(d, d.Val(), d.NewFromNextSegment())
		}),
	})
}

// wrapNamed reads the format called name from the tokens of segment, the first
// of which is its name.
func (e *Encoder) wrapNamed(d *caddyfile.Dispenser, name string, segment *caddyfile.Dispenser) error {
	mod, err := caddy.GetModule("caddy.logging.encoders." + name)
	if err != nil {
		return d.Errf("gateway: log format %q is unknown; write json or console", name)
	}
	enc := mod.New()
	if u, ok := enc.(caddyfile.Unmarshaler); ok {
		if err := u.UnmarshalCaddyfile(segment); err != nil {
			return err
		}
	}
	if _, ok := enc.(zapcore.Encoder); !ok {
		return d.Errf("gateway: %s is not a log format", name)
	}
	e.WrappedRaw = caddyconfig.JSONModuleObject(enc, "format", name, nil)
	return nil
}

// Interface guards
var (
	_ zapcore.Encoder                  = (*Encoder)(nil)
	_ gateway.KeyRedactor              = (*Encoder)(nil)
	_ caddy.Provisioner                = (*Encoder)(nil)
	_ caddy.ConfiguresFormatterDefault = (*Encoder)(nil)
	_ caddyfile.Unmarshaler            = (*Encoder)(nil)
)
