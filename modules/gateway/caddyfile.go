// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterGlobalOption("gateway", parseGlobal) }

func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next() // so that the error knows where it is
		return nil, d.Err("gateway is configured twice; merge the two blocks")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "gateway", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile sets up the app from the global option:
//
//	gateway {
//		plan <name> {
//			requests   <amount>/<window>... [sliding|fixed|calendar|bucket] [burst <amount>] [timezone <name>]
//			tokens     [input|output|total] <amount>/<window>... [sliding|fixed|calendar|bucket] [burst <amount>] [timezone <name>]
//			cost       <amount>usd/<window>... [sliding|fixed|calendar|bucket] [burst <amount>usd] [timezone <name>] [soft]
//			concurrent <number>
//			by         consumer|credential|group|ip [<IPv4 bits> [<IPv6 bits>]]|route|header <name>|<placeholder>|global
//			weight     <number>|<placeholder>
//			max_output <tokens>
//			shadow
//		}
//		group <name>... {
//			plan <plan>
//		}
//		consumer <name> {
//			plan      <plan>
//			custom_id <id>
//			tags      <tag...>
//			groups    <group...>
//			models    <pattern...>
//			allow_ip  <ip|cidr...>
//			key       <sha256:hex|{env.NAME}|{file.PATH}> [not_before <time>] [until <time>] {
//				groups <group...>
//				models <pattern...>
//				tags   <tag...>
//			}
//			oauth_client <id> {
//				secret <sha256:hex|{env.NAME}|{file.PATH}>...
//				scopes <scope...>
//			}
//			jwt <key> {
//				algorithm     <algorithm>
//				secret        <{env.NAME}|{file.PATH}>
//				secret_base64
//				public_key    <{env.NAME}|{file.PATH}|PEM>
//			}
//		}
//		consumers         <file>
//		prices            <file>
//		unknown_model     allow|refuse
//		profile           kong
//		metrics_consumers <n>
//		cache [<name>] {
//			store       embedded|redis
//			max_bytes   <size>
//			max_entry   <size>
//			owner_share <percent>%
//			compress
//		}
//		ledger            [<path>|memory] {
//			keep <duration>|forever
//		}
//		store             <module> ...
//		oauth2_server     <issuer> {
//			audience        <audience...>
//			lifetime        <duration>
//			algorithm       ES256|EdDSA|RS256
//			rotate          <duration>
//			path            <path>
//			mandatory_scope
//			passphrase      <{env.NAME}|{file.PATH}>
//		}
//	}
//
// The options plan, group, consumer, consumers, prices and cache may repeat, and so may
// key, oauth_client and jwt within a consumer, and requests, tokens and cost within a plan.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	p := &parser{app: a, d: d, keys: make(map[string]string)}
	err := options.Parse(d, "gateway", options.Set{
		"plan":              options.Block("<name>", p.plan).Repeat(),
		"group":             options.Block("<name>...", p.groups).Repeat(),
		"consumer":          options.Block("<name>", p.consumer).Repeat(),
		"consumers":         options.Func("<file>", appendTo(&a.ConsumersFiles)).Repeat(),
		"prices":            options.Func("<file>", appendTo(&a.PriceFiles)).Repeat(),
		"unknown_model":     options.Enum(&a.UnknownModel, UnknownAllow, UnknownRefuse),
		"profile":           options.Enum(&a.Profile, ProfileKong),
		"ledger":            options.Block("[<path>|memory]", p.ledger),
		"store":             options.Raw(p.store),
		"cache":             options.Block("[<name>]", p.cache).Repeat(),
		"oauth2_server":     options.Block("<issuer>", p.oauthServer),
		"metrics_consumers": options.Int(&a.MetricsConsumers, 1, mostMetricsConsumers),
	})
	if err != nil {
		return err
	}
	return p.references()
}

// parser remembers where things stand, for errors that only the whole block
// can tell.
type parser struct {
	app  *App
	d    *caddyfile.Dispenser
	refs []groupRef
	at   []position        // of each consumer
	keys map[string]string // to the consumer that has it

	storeName string // of the gateway; empty if none is named
	cachesAt  []cacheAt

	plansAt  []position // of each plan
	planRefs []planRef
}

func (p *parser) position() position { return position{p.d.File(), p.d.Line()} }

type position struct {
	file string
	line int
}

type groupRef struct {
	consumer, group, file string
	line                  int
}

func (p *parser) groups(names []string) (options.Set, error) {
	first := len(p.app.Groups)
	for _, name := range names {
		if p.app.declaresGroup(name) {
			return nil, fmt.Errorf("group %q is declared twice", name)
		}
		p.app.Groups = append(p.app.Groups, Group{Name: name})
	}
	groups := p.app.Groups[first:]
	return options.Set{"plan": p.usePlan(func(plan string) {
		for i := range groups {
			groups[i].Plan = plan
		}
	}, "group "+strings.Join(names, " "))}, nil
}

func (p *parser) consumer(args []string) (options.Set, error) {
	name := args[0]
	if slices.ContainsFunc(p.app.Consumers, func(s consumers.Spec) bool { return s.Name == name }) {
		return nil, fmt.Errorf("consumer %q is declared twice", name)
	}
	p.app.Consumers = append(p.app.Consumers, consumers.Spec{Name: name})
	p.at = append(p.at, p.position())
	at := len(p.app.Consumers) - 1
	spec := &p.app.Consumers[at]
	return options.Set{
		"plan":      p.usePlan(func(plan string) { spec.Plan = plan }, "consumer "+name),
		"custom_id": options.String(&spec.CustomID),
		"tags":      options.Strings(&spec.Tags),
		"groups":    options.Func("<group>...", p.consumerGroups(at)),
		"models":    options.Strings(&spec.Models),
		"allow_ip":  options.Prefixes(&spec.AllowIPs),
		"key": options.Block("<key> [not_before <time>] [until <time>]", func(args []string) (options.Set, error) {
			return p.key(&p.app.Consumers[at], args)
		}).Repeat(),
		"oauth_client": options.Block("<id>", func(args []string) (options.Set, error) {
			return p.oauthClient(&p.app.Consumers[at], args[0])
		}).Repeat(),
		"jwt": options.Block("<key>", func(args []string) (options.Set, error) {
			return p.jwt(&p.app.Consumers[at], args[0])
		}).Repeat(),
	}, nil
}

func (p *parser) consumerGroups(at int) func([]string) error {
	return func(names []string) error {
		spec := &p.app.Consumers[at]
		for _, g := range names {
			if slices.Contains(spec.Groups, g) {
				return fmt.Errorf("group %q is listed twice", g)
			}
			spec.Groups = append(spec.Groups, g)
			p.refs = append(p.refs, groupRef{spec.Name, g, p.d.File(), p.d.Line()})
		}
		return nil
	}
}

func (p *parser) key(spec *consumers.Spec, args []string) (options.Set, error) {
	key := consumers.KeySpec{Key: args[0]}
	if key.Key == "" {
		return nil, fmt.Errorf("consumer %q has an empty key", spec.Name)
	}
	if !isPlaceholder(key.Key) {
		if _, err := apikey.Parse(key.Key); err != nil {
			return nil, errors.New("a key stands in the config as sha256:<64 hex digits> " +
				"(caddy gateway key hash prints it) or as a placeholder such as {env.NAME} or {file.PATH}")
		}
	}
	if owner, taken := p.keys[key.Key]; taken && owner != spec.Name {
		return nil, fmt.Errorf("consumer %q has a key that consumer %q has already; a key belongs to one consumer", spec.Name, owner)
	}
	p.keys[key.Key] = spec.Name
	for rest := args[1:]; len(rest) > 0; rest = rest[2:] {
		var into *string
		switch rest[0] {
		case "not_before":
			into = &key.NotBefore
		case "until":
			into = &key.Until
		default:
			return nil, fmt.Errorf("%q is not not_before or until", rest[0])
		}
		if *into != "" {
			return nil, fmt.Errorf("%s is given twice", rest[0])
		}
		*into = rest[1]
	}
	spec.Keys = append(spec.Keys, key)
	k := &spec.Keys[len(spec.Keys)-1]
	return options.Set{
		"groups": options.Strings(&k.Groups),
		"models": options.Strings(&k.Models),
		"tags":   options.Strings(&k.Tags),
	}, nil
}

// references checks, with file and line, what a whole consumer says.
func (p *parser) references() error {
	if err := p.checkPlans(); err != nil {
		return err
	}
	if err := p.checkCaches(); err != nil {
		return err
	}
	for _, ref := range p.refs {
		if ref.group != ref.consumer && !p.app.declaresGroup(ref.group) {
			return fmt.Errorf("gateway: consumer %s: group %q does not exist; declare it with: group %s, at %s:%d",
				ref.consumer, ref.group, ref.group, ref.file, ref.line)
		}
	}
	o := p.app.planOptions(consumers.BuildOptions{Resolve: digestOfText})
	for _, g := range p.app.Groups {
		o.Groups = append(o.Groups, g.Name)
	}
	for i, at := range p.at {
		if _, err := consumers.Build(p.app.Consumers[i:i+1], o); err != nil {
			return fmt.Errorf("gateway: %w, at %s:%d", err, at.file, at.line)
		}
	}
	return nil
}

// digestOfText stands in for the digest of a key while placeholders have no
// value yet. Keys that differ keep differing.
func digestOfText(literal string) (apikey.Digest, error) {
	if isPlaceholder(literal) {
		return apikey.Hash(literal), nil
	}
	return apikey.Parse(literal)
}

func (a *App) declares(group string) bool {
	return a.declaresGroup(group) ||
		slices.ContainsFunc(a.Consumers, func(s consumers.Spec) bool { return s.Name == group })
}

func (a *App) declaresGroup(name string) bool {
	return slices.ContainsFunc(a.Groups, func(g Group) bool { return g.Name == name })
}

func appendTo(p *[]string) func([]string) error {
	return func(args []string) error {
		if args[0] == "" {
			return errors.New("the file has no name")
		}
		*p = append(*p, args[0])
		return nil
	}
}
