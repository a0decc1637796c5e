// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// row is a route as the table shows it.
type row struct {
	paths   []string
	name    string // that of gateway_route
	strip   string // what is taken from the path
	auth    []string
	limits  []string
	also    []string
	service []string
}

// fork is a copy that can be added to.
func (r row) fork() row {
	r.paths, r.auth, r.limits, r.also = slices.Clone(r.paths), slices.Clone(r.auth), slices.Clone(r.limits), slices.Clone(r.also)
	return r
}

// walker collects the rows of a configuration.
type walker struct {
	variables map[string]string // by default
	rows      []row
}

// walk adds the rows of routes, given what stands before them. It returns that and
// what the routes have added to it.
func (w *walker) walk(list []route, before row) row {
	for _, r := range list {
		inner := before
		// What is inside of such a block is not for the routes behind it.
		branches := (r.Group != "" || r.Match != nil) && len(r.Handle) > 0 && r.Handle[0]["handler"] == "subroute"
		if branches {
			inner = before.fork()
			if paths := r.paths(); len(paths) > 0 {
				inner.paths = paths
			} else if condition := r.condition(); condition != "" {
				inner.also = append(inner.also, condition)
			}
		}
		for _, h := range r.Handle {
			condition := ""
			if !branches {
				condition = r.condition()
			}
			if h["handler"] == "subroute" {
				inner = w.walk(routes(h), inner)
				continue
			}
			inner = w.handler(h, condition, inner)
		}
		if !branches {
			before = inner
		}
	}
	return before
}

// handler notes what a handler does.
func (w *walker) handler(h object, condition string, r row) row {
	r = r.fork()
	name, _ := h["handler"].(string)
	when := ""
	if condition != "" {
		when = condition + ": "
	}
	switch name {
	case "gateway_route":
		r.name, _ = h["name"].(string)
	case "rewrite":
		if prefix, ok := h["strip_path_prefix"].(string); ok {
			r.strip = prefix
		} else {
			r.also = append(r.also, when+"`rewrite`")
		}
	case "key_auth":
		r.auth = append(r.auth, when+keyCarriers(h))
	case "acl":
		r.auth = append(r.auth, when+groups(h))
	case "ip_restriction":
		r.auth = append(r.auth, when+addresses(h))
	case "quota":
		r.limits = append(r.limits, when+quota(h))
	case "llm_cost":
		r.also = append(r.also, when+argument("llm_cost", h["provider"]))
	case "gateway_cache":
		r.also = append(r.also, when+argument("gateway_cache", h["cache"]))
	case "reverse_proxy":
		w.answer(r, condition, w.upstreams(h, r.strip))
	case "error", "static_response":
		status := fmt.Sprint(h["status_code"])
		if condition != "" {
			r.auth = append(r.auth, when+status)
			break
		}
		w.answer(r, "", []string{"answers " + status})
	case "file_server", "mock_llm", "metrics", "acme_server", "oauth2_token", "gateway_ticket":
		w.answer(r, condition, []string{"`" + name + "`"})
	default:
		if strings.Contains(name, "auth") {
			r.auth = append(r.auth, when+"`"+name+"`")
		} else if own := "`" + name + "`"; !slices.Contains(r.also, when+own) {
			r.also = append(r.also, when+own)
		}
	}
	return r
}

// answer adds a row for a handler that answers.
func (w *walker) answer(r row, condition string, service []string) {
	r = r.fork()
	r.service = service
	if len(r.auth) == 0 { // nobody is known
		for i, text := range r.limits {
			r.limits[i] = strings.ReplaceAll(text, "(each consumer)", "(each address)")
		}
	}
	if condition != "" {
		r.also = append(r.also, condition)
	}
	w.rows = append(w.rows, r)
}

func argument(name string, value any) string {
	if text, ok := value.(string); ok && text != "" {
		name += " " + text
	}
	return "`" + name + "`"
}

func keyCarriers(h object) string {
	if query := texts(h["query"]); len(query) > 0 {
		return "key, in a header or as " + quoted(query) + " in the query"
	}
	return "key in a header"
}

func groups(h object) string {
	var parts []string
	if allow := texts(h["allow"]); len(allow) > 0 {
		parts = append(parts, "group "+quoted(allow))
	}
	if deny := texts(h["deny"]); len(deny) > 0 {
		parts = append(parts, "not group "+quoted(deny))
	}
	return strings.Join(parts, ", ")
}

func addresses(h object) string {
	if allow := texts(h["allow"]); len(allow) > 0 {
		return "from " + quoted(allow)
	}
	if deny := texts(h["deny"]); len(deny) > 0 {
		return "not from " + quoted(deny)
	}
	return "from the consumer's addresses"
}

// quota says what a quota limits, and by whom it counts.
func quota(h object) string {
	raw, err := json.Marshal(h["limits"])
	if err != nil {
		return "quota"
	}
	var list []limit
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return "the plan of the caller"
	}
	by, _ := h["by"].(string)
	switch by {
	case "", "consumer":
		by = "each consumer"
	case "global":
		by = "all together"
	default:
		by = "by " + by
	}
	return limitTexts(list) + " (" + by + ")"
}

func limitTexts(list []limit) string {
	parts := make([]string, 0, len(list))
	for _, l := range list {
		text := strings.ReplaceAll(l.Unit, "_", " ") + " " + strings.Join(l.Limits, ", ")
		if l.Soft {
			text += " (only a warning)"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// upstreams are the addresses of a proxy, with the variables that say where they are,
// and with what is taken from the path on the way.
func (w *walker) upstreams(h object, strip string) []string {
	list, _ := h["upstreams"].([]any)
	var names []string
	for _, member := range list {
		upstream, _ := member.(object)
		dial, _ := upstream["dial"].(string)
		text := "`" + dial + "`"
		for _, spelling := range []string{dial, "https://" + strings.TrimSuffix(dial, ":443"), "http://" + strings.TrimSuffix(dial, ":80")} {
			if variable := w.variables[spelling]; variable != "" {
				text = "`" + spelling + "` (`" + variable + "`)"
				break
			}
		}
		names = append(names, text)
	}
	if len(names) == 0 {
		names = []string{"`reverse_proxy`"}
	}
	if strip != "" {
		names = append(names, "without `"+strip+"`")
	}
	return names
}
