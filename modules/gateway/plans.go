// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaoptions"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
)

// PlanConfig is a named set of limits. A quota without limits of its own enforces
// the plans of the caller: that of the consumer, and those of its groups.
type PlanConfig struct {
	// Name of the plan: 1 to 64 letters, digits, "_", "." and "-", not beginning
	// with "_". It is part of the identity of counters, and stands in headers.
	Name string `json:"name"`

	// Spec are the limits, at least one. Each consumer that has the plan is
	// counted for itself, unless By says otherwise.
	quotaspec.Spec
}

// Plan is a compiled plan. It never changes.
type Plan struct {
	// Name of the plan.
	Name string
	// Compiled are its limits. What they count by is always set.
	*quotaspec.Compiled
}

// plans are the plans of a config.
type plans struct {
	list   []*Plan // in the order of the config
	byName map[string]*Plan
	// sets are the plans of credentials, by the first element of their list of
	// names: equal lists are one in memory.
	sets map[*string][]*Plan
}

// compile checks a plan and returns what it means.
func (c *PlanConfig) compile() (*Plan, error) {
	if err := quotaspec.CheckName(c.Name); err != nil {
		return nil, err
	}
	compiled, err := c.Spec.Compile()
	if err != nil {
		return nil, err
	}
	if len(compiled.Rules) == 0 {
		return nil, errors.New("it has no limits; write at least one, such as: requests 1000/min")
	}
	if compiled.By.Kind == quotaspec.ByUnset {
		compiled.By.Kind = quotaspec.ByConsumer
	}
	return &Plan{c.Name, compiled}, nil
}

// loadPlans compiles the plans and finds those of groups. Consumers' are found when
// the consumers are built.
func (a *App) loadPlans() error {
	a.plans = plans{byName: make(map[string]*Plan, len(a.Plans))}
	for i := range a.Plans {
		p, err := a.Plans[i].compile()
		if err != nil {
			return fmt.Errorf("plan %q: %w", a.Plans[i].Name, err)
		}
		if a.plans.byName[p.Name] != nil {
			return fmt.Errorf("plan %q is declared twice", p.Name)
		}
		a.plans.byName[p.Name] = p
		a.plans.list = append(a.plans.list, p)
	}
	for _, g := range a.Groups {
		if g.Plan != "" && a.plans.byName[g.Plan] == nil {
			return fmt.Errorf("group %q: %w", g.Name, unknownPlan(g.Plan))
		}
	}
	return nil
}

// planOptions adds to o which plans there are.
func (a *App) planOptions(o consumers.BuildOptions) consumers.BuildOptions {
	for i := range a.Plans {
		o.Plans = append(o.Plans, a.Plans[i].Name)
	}
	o.GroupPlans = make(map[string]string)
	for _, g := range a.Groups {
		if g.Plan != "" {
			o.GroupPlans[g.Name] = g.Plan
		}
	}
	return o
}

// resolvePlans finds the plans of every consumer and key in the table.
func (a *App) resolvePlans(t *consumers.Table) {
	a.plans.sets = make(map[*string][]*Plan)
	for c := range t.All() {
		a.resolve(c.Plans)
		for _, k := range c.Credentials() {
			a.resolve(k.Plans)
		}
	}
}

func (a *App) resolve(names []string) {
	if len(names) == 0 || a.plans.sets[&names[0]] != nil {
		return
	}
	set := make([]*Plan, 0, len(names))
	for _, name := range names {
		set = append(set, a.plans.byName[name])
	}
	a.plans.sets[&names[0]] = set
}

// AllPlans returns the plans in the order of the config. It is not to be changed.
func (a *App) AllPlans() []*Plan { return a.plans.list }

// Plan returns the limits of the plan called name, or nil if there is none.
func (a *App) Plan(name string) *quotaspec.Compiled {
	if p := a.plans.byName[name]; p != nil {
		return p.Compiled
	}
	return nil
}

// PlansOf returns the plans that hold for a credential of the app's consumers: the
// consumer's own, then those of the effective groups in their order, each once. It
// does not allocate, and the result is not to be changed.
func (a *App) PlansOf(c *consumers.Credential) []*Plan {
	if c == nil || len(c.Plans) == 0 {
		return nil
	}
	return a.plans.sets[&c.Plans[0]]
}

// unknownPlan is the error of a plan that nothing declares.
func unknownPlan(name string) error {
	return fmt.Errorf("plan %q does not exist; declare it in the gateway option with: plan %s { ... }", name, name)
}

func (a *App) declaresPlan(name string) bool {
	return slices.ContainsFunc(a.Plans, func(p PlanConfig) bool { return p.Name == name })
}

// Plan returns an error unless plan name is declared.
func (d Declared) Plan(name string) error {
	if d.app.declaresPlan(name) {
		return nil
	}
	return unknownPlan(name)
}

// planRef is where a group or a consumer is given a plan.
type planRef struct {
	owner, plan string // owner: "group llm"
	position
}

func (p *parser) plan(args []string) (options.Set, error) {
	name := args[0]
	if err := quotaspec.CheckName(name); err != nil {
		return nil, err
	}
	if p.app.declaresPlan(name) {
		return nil, fmt.Errorf("plan %q is declared twice", name)
	}
	p.app.Plans = append(p.app.Plans, PlanConfig{Name: name})
	p.plansAt = append(p.plansAt, p.position())
	return quotaoptions.Set(&p.app.Plans[len(p.app.Plans)-1].Spec), nil
}

// usePlan reads the name of a plan that each owner is given.
func (p *parser) usePlan(set func(plan string), owner string) options.Option {
	return options.Func("<plan>", func(args []string) error {
		if args[0] == "" {
			return errors.New("the plan has no name")
		}
		set(args[0])
		p.planRefs = append(p.planRefs, planRef{owner, args[0], p.position()})
		return nil
	})
}

// checkPlans checks, with file and line, what a whole plan says, and that the plans
// which are given are declared.
func (p *parser) checkPlans() error {
	// Caddy writes out placeholders in sites alone.
	shorthands := httpcaddyfile.NewShorthandReplacer()
	for i := range p.app.Plans {
		plan, at := &p.app.Plans[i], p.plansAt[i]
		words := caddyfile.Segment{{Text: plan.By}, {Text: plan.Weight}}
		shorthands.ApplyToSegment(&words)
		plan.By, plan.Weight = words[0].Text, words[1].Text
		if _, err := plan.compile(); err != nil {
			return fmt.Errorf("gateway: plan %s: %w, at %s:%d", plan.Name, err, at.file, at.line)
		}
	}
	for _, ref := range p.planRefs {
		if !p.app.declaresPlan(ref.plan) {
			return fmt.Errorf("gateway: %s: %w, at %s:%d", ref.owner, unknownPlan(ref.plan), ref.file, ref.line)
		}
	}
	return nil
}
