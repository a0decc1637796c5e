// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("llm_cost", parseHandler) }

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// auto is the argument that leaves format and provider to the path.
const auto = "auto"

// UnmarshalCaddyfile sets up the handler:
//
//	llm_cost anthropic|deepseek|gemini|ollama|openai|xai|responses|embeddings|auto {
//		provider      <name>
//		max_body      <size>
//		headers       on|off
//		ask_usage     on|off
//		unfinished    break|pass
//		unknown_model allow|refuse
//	}
//
// The argument is a provider, which implies wire format and prices, or a bare
// wire format together with the option provider, or auto, which takes both
// from the path of each request.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	args, err := options.Args(d, "<provider|format|auto>")
	if err != nil {
		return err
	}
	if err := h.name(args[0]); err != nil {
		return d.WrapErr(err)
	}
	headers, ask := true, true
	var unfinished string
	err = options.Parse(d, "llm_cost", options.Set{
		"provider":      options.Func("<name>", func(args []string) error { return h.ownProvider(args[0]) }),
		"max_body":      options.SizeBetween(&h.MaxBody, leastMaxBody, mostMaxBody),
		"headers":       options.Bool(&headers),
		"ask_usage":     options.Bool(&ask),
		"unfinished":    options.Enum(&unfinished, "break", "pass"),
		"unknown_model": options.Enum(&h.UnknownModel, gateway.UnknownAllow, gateway.UnknownRefuse),
	})
	h.HeadersOff, h.AskUsageOff, h.UnfinishedPass = !headers, !ask, unfinished == "pass"
	if err == nil && h.Provider == "" && args[0] != auto {
		err = d.Errf("llm_cost: %s is a wire format and says nothing about prices; add: provider <name>", args[0])
	}
	return err
}

// name reads the argument.
func (h *Handler) name(arg string) error {
	if arg == auto {
		return nil
	}
	if format, ok := providerFormats[arg]; ok {
		h.Provider, h.Format = arg, format
		return nil
	}
	if _, ok := formats[arg]; ok {
		h.Format = arg
		return nil
	}
	return fmt.Errorf("llm_cost: %q is not a provider or wire format; write one of anthropic, deepseek, gemini, ollama, openai, xai, "+
		"or openai with the option provider for another server that speaks its API, or auto", arg)
}

var providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

func (h *Handler) ownProvider(name string) error {
	if !providerName.MatchString(name) {
		return errors.New("a provider's name is up to 64 lower-case letters, digits, dots, hyphens and underscores")
	}
	h.Provider = name
	return nil
}

// Validate checks what JSON configuration may say.
func (h *Handler) Validate() error {
	var problems []error
	if h.Provider != "" && !providerName.MatchString(h.Provider) {
		problems = append(problems, fmt.Errorf("llm_cost: provider %q: a name is up to 64 lower-case letters, digits, dots, hyphens and underscores", h.Provider))
	}
	if _, ok := formats[h.Format]; h.Format != "" && !ok {
		problems = append(problems, fmt.Errorf("llm_cost: format %q is not openai, responses, embeddings, anthropic, ollama or gemini", h.Format))
	}
	if h.MaxBody != 0 && (h.MaxBody < leastMaxBody || h.MaxBody > mostMaxBody) {
		problems = append(problems, fmt.Errorf("llm_cost: max_body is %d; write a number of bytes from %d to %d", h.MaxBody, leastMaxBody, mostMaxBody))
	}
	if h.UnknownModel != "" && h.UnknownModel != gateway.UnknownAllow && h.UnknownModel != gateway.UnknownRefuse {
		problems = append(problems, fmt.Errorf("llm_cost: unknown_model is %q; write allow or refuse", h.UnknownModel))
	}
	return errors.Join(problems...)
}

// Interface guards
var (
	_ caddy.Validator       = (*Handler)(nil)
	_ caddyfile.Unmarshaler = (*Handler)(nil)
)
