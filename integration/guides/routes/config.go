// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile" // the adapter itself
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
)

// object is a JSON object whose members depend on its kind.
type object = map[string]any

// config is what the tables need to know of an adapted configuration.
type config struct {
	Apps struct {
		Gateway struct {
			Plans     []plan     `json:"plans"`
			Groups    []group    `json:"groups"`
			Consumers []consumer `json:"consumers"`
		} `json:"gateway"`
		HTTP struct {
			Servers map[string]struct {
				Listen []string `json:"listen"`
				Routes []route  `json:"routes"`
			} `json:"servers"`
		} `json:"http"`
	} `json:"apps"`
}

type plan struct {
	Name      string  `json:"name"`
	Limits    []limit `json:"limits"`
	By        string  `json:"by"`
	MaxOutput int64   `json:"max_output"`
}

type limit struct {
	Unit   string   `json:"unit"`
	Limits []string `json:"limits"`
	Soft   bool     `json:"soft"`
}

type group struct {
	Name string `json:"name"`
	Plan string `json:"plan"`
}

type consumer struct {
	Name     string   `json:"name"`
	Groups   []string `json:"groups"`
	AllowIPs []string `json:"allow_ips"`
	Plan     string   `json:"plan"`
	Keys     []key    `json:"keys"`
}

type key struct {
	Key    string   `json:"key"`
	Groups []string `json:"groups"`
}

type route struct {
	Group  string   `json:"group"`
	Match  []object `json:"match"`
	Handle []object `json:"handle"`
}

// adapt turns an example into its configuration, with the defaults of its variables.
func adapt(text []byte, name string) (*config, error) {
	for _, variable := range withDefault.FindAllSubmatch(text, -1) {
		if err := os.Unsetenv(string(variable[1])); err != nil {
			return nil, fmt.Errorf("unset %s: %w", variable[1], err)
		}
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": name})
	if err != nil {
		return nil, fmt.Errorf("adapt %s: %w", name, err)
	}
	c := new(config)
	if err := json.Unmarshal(adapted, c); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return c, nil
}

// routes decodes the routes of a handler that has some.
func routes(h object) []route {
	raw, err := json.Marshal(h["routes"])
	if err != nil {
		return nil
	}
	var list []route
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// texts are the strings of a list in JSON, or of a single one.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, 0, len(v))
		for _, member := range v {
			list = append(list, fmt.Sprint(member))
		}
		return list
	}
	return nil
}

// paths are those that the matchers of a route name.
func (r route) paths() []string {
	list := make([]string, 0, len(r.Match))
	for _, set := range r.Match {
		list = append(list, texts(set["path"])...)
	}
	return list
}

// condition says when a route applies, empty for always.
func (r route) condition() string {
	sets := make([]string, 0, len(r.Match))
	for _, set := range r.Match {
		sets = append(sets, matchers(set))
	}
	return strings.Join(sets, " or ")
}

// matchers says what a set of matchers asks for.
func matchers(set object) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		switch name {
		case "path":
			parts = append([]string{quoted(texts(set[name]))}, parts...)
		case "consumer", "consumer_group", "method", "language":
			parts = append(parts, "with "+strings.ReplaceAll(name, "consumer_group", "group")+" "+quoted(texts(set[name])))
		case "not":
			list, _ := set[name].([]any)
			for _, member := range list {
				if inner, ok := member.(object); ok {
					parts = append(parts, "not "+matchers(inner))
				}
			}
		default:
			parts = append(parts, "by `"+name+"`")
		}
	}
	return strings.Join(parts, " ")
}

// quoted writes words as code, with commas between.
func quoted(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "`" + strings.Join(words, "`, `") + "`"
}
