// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tables are all that a guide says of a configuration.
func (c *config) tables(variables map[string]string) []byte {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(c.Apps.HTTP.Servers)) {
		server := c.Apps.HTTP.Servers[name]
		w := &walker{variables: variables}
		common, rest := everywhere(server.Routes)
		w.walk(rest, row{})
		fmt.Fprintf(&out, "Every request to %s passes %s.\n\n", quoted(server.Listen), common)
		w.table(&out)
	}
	c.consumers(&out)
	c.plans(&out)
	return out.Bytes()
}

// everywhere separates what every request passes from the rest.
func everywhere(list []route) (common string, rest []route) {
	var names []string
	for i, r := range list {
		for _, h := range r.Handle {
			if r.Match != nil || r.Group != "" || h["handler"] == "subroute" {
				return quoted(names), list[i:]
			}
			names = append(names, fmt.Sprint(h["handler"]))
		}
	}
	return quoted(names), nil
}

// table writes the routes by their paths, with what is left for the others at the end.
func (w *walker) table(out *bytes.Buffer) {
	slices.SortStableFunc(w.rows, func(a, b row) int {
		if (len(a.paths) == 0) != (len(b.paths) == 0) {
			return len(b.paths) - len(a.paths)
		}
		return strings.Compare(strings.Join(a.paths, " "), strings.Join(b.paths, " "))
	})
	fmt.Fprintln(out, "| Path | Route | Service | Who may call | Limits | Also |\n|---|---|---|---|---|---|")
	for _, r := range w.rows {
		path := quoted(r.paths)
		if path == "" {
			path = "any other"
		}
		name := quoted(slices.DeleteFunc([]string{r.name}, func(s string) bool { return s == "" }))
		auth := r.auth
		if len(auth) == 0 {
			auth = []string{"everybody"}
		}
		fmt.Fprintln(out, "|", path, "|", cell([]string{name}), "|", cell(r.service), "|", cell(auth), "|", cell(r.limits), "|", cell(r.also), "|")
	}
	fmt.Fprintln(out)
}

// cell joins what stands in a field of a table.
func cell(parts []string) string {
	text := strings.Join(parts, "; ")
	if text == "" {
		return "-"
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

func (c *config) consumers(out *bytes.Buffer) {
	if len(c.Apps.Gateway.Consumers) == 0 {
		return
	}
	fmt.Fprintln(out, "| Consumer | Groups | May call from | Keys |\n|---|---|---|---|")
	for _, who := range c.Apps.Gateway.Consumers {
		from := quoted(who.AllowIPs)
		if from == "" {
			from = "anywhere"
		}
		var keys []string
		for _, k := range who.Keys {
			text := "`" + k.Key + "`"
			if len(k.Groups) > 0 {
				text += " for group " + quoted(k.Groups) + " alone"
			}
			keys = append(keys, text)
		}
		fmt.Fprintln(out, "|", quoted([]string{who.Name}), "|", cell([]string{quoted(who.Groups)}), "|", from, "|", cell(keys), "|")
	}
}

func (c *config) plans(out *bytes.Buffer) {
	if len(c.Apps.Gateway.Plans) == 0 {
		return
	}
	fmt.Fprintln(out, "\n| Plan | Limits of each consumer | Longest answer | Holds for |\n|---|---|---|---|")
	for _, p := range c.Apps.Gateway.Plans {
		var whom []string
		for _, g := range c.Apps.Gateway.Groups {
			if g.Plan == p.Name {
				whom = append(whom, "group `"+g.Name+"`")
			}
		}
		for _, who := range c.Apps.Gateway.Consumers {
			if who.Plan == p.Name {
				whom = append(whom, "consumer `"+who.Name+"`")
			}
		}
		longest := "-"
		if p.MaxOutput > 0 {
			longest = fmt.Sprint(p.MaxOutput, " tokens")
		}
		limits := limitTexts(p.Limits)
		if p.By != "" && p.By != "consumer" {
			limits += " (by " + p.By + ")"
		}
		fmt.Fprintln(out, "|", quoted([]string{p.Name}), "|", limits, "|", longest, "|", cell(whom), "|")
	}
}
