// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"errors"
	"math"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("mock_llm", parseCaddyfile)
}

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	mock_llm [<matcher>] {
//		latency        <duration>
//		event_interval <duration>
//		words          <number>
//		fail           <status> [every <n>]
//		cut_after      <number>
//		cached_tokens  <number>
//		model          <name>
//		usage          on|off
//	}
//
// Every option may be missing, and so may the block.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	usage := true
	err := options.Parse(d, "mock_llm", options.Set{
		"latency":        options.Duration(&h.Latency),
		"event_interval": options.Duration(&h.EventInterval),
		"words":          options.Int(&h.Words, 1, maxWords),
		"fail":           options.Func("<status> [every <n>]", h.parseFail),
		"cut_after":      options.Int(&h.CutAfter, 1, math.MaxInt32),
		"cached_tokens":  options.Int(&h.CachedTokens, 1, math.MaxInt32),
		"model":          options.String(&h.Model),
		"usage":          options.Bool(&usage),
	})
	h.UsageOff = !usage
	return err
}

func (h *Handler) parseFail(args []string) error {
	status, err := options.ParseInt(args[0], 400, 599)
	if err != nil {
		return err
	}
	h.Fail = &Fail{Status: int(status)}
	if len(args) == 1 {
		return nil
	}
	if args[1] != "every" {
		return errors.New("write every before the number of requests: fail <status> every <n>")
	}
	every, err := options.ParseInt(args[2], 1, math.MaxInt32)
	h.Fail.Every = int(every)
	return err
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
