// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	_ "github.com/caddy-gateway/tollgate/modules"
)

// registered returns the IDs of this repository's Caddy modules, each with the
// directory of the package that registers it.
func registered(t *testing.T) map[string]string {
	t.Helper()
	dirs := make(map[string]string)
	for _, id := range caddy.Modules() {
		info, err := caddy.GetModule(id)
		if err != nil {
			t.Fatalf("get module: %v", err)
		}
		typ := reflect.TypeOf(info.New())
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if dir, ok := strings.CutPrefix(typ.PkgPath(), modulePath+"/"); ok {
			dirs[id] = dir
		}
	}
	if len(dirs) == 0 {
		t.Fatal("no Caddy module of this repository is registered")
	}
	return dirs
}

// texts returns the contents of the tracked files in a directory or below it whose
// names end in one of the suffixes.
func (tree *sourceTree) texts(t *testing.T, dir string, suffixes ...string) map[string]string {
	t.Helper()
	contents := make(map[string]string)
	for _, name := range tree.files {
		if !strings.HasPrefix(name, dir+"/") || !slices.Contains(suffixes, path.Ext(name)) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(tree.root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		contents[name] = string(content)
	}
	return contents
}

// pageHead is how many lines of a page may say which modules it is about.
const pageHead = 15

// TestModulesHavePages checks that, for each Caddy module, a page under docs/ names the
// module's ID in backquotes among its first lines. One page may be about several.
func TestModulesHavePages(t *testing.T) {
	t.Parallel()
	pages := readRepository(t).texts(t, "docs", ".md")
	for id := range registered(t) {
		found := false
		for _, text := range pages {
			lines := strings.SplitN(text, "\n", pageHead+1)
			head := strings.Join(lines[:min(len(lines), pageHead)], "\n")
			found = found || strings.Contains(head, "`"+id+"`")
		}
		if !found {
			t.Errorf("no page under docs/ names `%s` in its first %d lines", id, pageHead)
		}
	}
}

// TestModulesHaveExamples checks that each Caddy module is used by a file in
// caddyfile-examples/, or, where Caddy has no Caddyfile syntax for modules of that
// kind, by a JSON block of a page under docs/.
func TestModulesHaveExamples(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	examples := tree.texts(t, "caddyfile-examples", ".Caddyfile", ".caddyfile", ".json")
	pages := tree.texts(t, "docs", ".md")
	for id := range registered(t) {
		name := caddy.ModuleID(id).Name()
		used := false
		switch caddy.ModuleID(id).Namespace() {
		case "admin.api":
			continue // configured by nobody: it is there when the app is
		case "http.authentication.providers":
			for _, text := range pages {
				used = used || usedInJSON(text, name)
			}
			fallthrough
		default:
			for _, text := range examples {
				used = used || usesWord(text, name)
			}
		}
		if !used {
			t.Errorf("no file in caddyfile-examples/ uses %s (module %s)", name, id)
		}
	}
}

// TestDirectivesHaveExamples does the same for the names that the packages register
// with the Caddyfile adapter.
func TestDirectivesHaveExamples(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	examples := tree.texts(t, "caddyfile-examples", ".Caddyfile", ".caddyfile")
	pages := tree.texts(t, "docs", ".md")
	names := directives(tree)
	if len(names) == 0 {
		t.Fatal("no package registers a directive")
	}
	for _, name := range names {
		used, described := false, false
		for _, text := range examples {
			used = used || usesWord(text, name)
		}
		for _, text := range pages {
			described = described || usesWord(text, name)
		}
		if !used {
			t.Errorf("no file in caddyfile-examples/ uses the directive %s", name)
		}
		if !described {
			t.Errorf("no page under docs/ shows the directive %s", name)
		}
	}
}

// registrations are the functions whose first argument is a name in a Caddyfile.
var registrations = []string{"RegisterHandlerDirective", "RegisterDirective", "RegisterGlobalOption"}

// directives returns the names that the packages register with the Caddyfile adapter.
// An argument that is not a string literal is looked up among the constants of its
// package.
func directives(tree *sourceTree) []string {
	var names []string
	for _, files := range tree.packages() {
		constants := make(map[string]string)
		var arguments []ast.Expr
		for _, f := range files {
			if f.test {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for i, v := range n.Values {
						if literal, ok := stringLiteral(v); ok && i < len(n.Names) {
							constants[n.Names[i].Name] = literal
						}
					}
				case *ast.CallExpr:
					fn, ok := n.Fun.(*ast.SelectorExpr)
					if ok && slices.Contains(registrations, fn.Sel.Name) && len(n.Args) > 0 {
						arguments = append(arguments, n.Args[0])
					}
				}
				return true
			})
		}
		for _, argument := range arguments {
			if literal, ok := stringLiteral(argument); ok {
				names = append(names, literal)
			} else if ident, ok := argument.(*ast.Ident); ok && constants[ident.Name] != "" {
				names = append(names, constants[ident.Name])
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func stringLiteral(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(literal.Value)
	return s, err == nil
}

// usesWord reports whether a line that is not a comment holds the word by itself.
func usesWord(text, word string) bool {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " #")
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if slices.Contains(strings.Fields(line), word) || strings.Contains(line, `"`+word+`"`) {
			return true
		}
	}
	return false
}

// jsonBlock matches a fenced block of JSON in Markdown.
var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

// usedInJSON reports whether a valid JSON block of a page holds name as a key.
func usedInJSON(page, name string) bool {
	for _, block := range jsonBlock.FindAllStringSubmatch(page, -1) {
		if json.Valid([]byte(block[1])) && strings.Contains(block[1], `"`+name+`":`) {
			return true
		}
	}
	return false
}

// metricPage lists the metrics of all parts.
const metricPage = "docs/observability.md"

// metricMakers are the functions of the app whose first argument is the name of a metric.
var metricMakers = map[string]bool{"counter": true, "histogram": true, "desc": true}

// TestMetricsAreDocumented checks that the page names every metric, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	named := make(map[string]bool) // whether it exists
	for _, name := range regexp.MustCompile("`caddy_gateway_([a-z0-9_]+)`").FindAllStringSubmatch(tree.texts(t, "docs", ".md")[metricPage], -1) {
		named[name[1]] = false
	}
	for _, f := range tree.gofs {
		if f.test || f.dir != "modules/gateway" {
			continue
		}
		for _, name := range metricsIn(f.syntax) {
			if _, ok := named[name]; !ok {
				t.Errorf("%s: metric caddy_gateway_%s is not on the page %s", f.name, name, metricPage)
			}
			named[name] = true
		}
	}
	for name, exists := range named {
		if !exists {
			t.Errorf("%s names caddy_gateway_%s, which does not exist", metricPage, name)
		}
	}
}

// metricsIn returns the names of the metrics that a file makes.
func metricsIn(file *ast.File) []string {
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if maker, ok := n.Fun.(*ast.Ident); ok && metricMakers[maker.Name] && len(n.Args) > 1 {
				if name, ok := stringLiteral(n.Args[0]); ok {
					names = append(names, name)
				}
			}
		case *ast.CompositeLit:
			options, ok := n.Type.(*ast.SelectorExpr)
			if !ok || !strings.HasSuffix(options.Sel.Name, "Opts") {
				return true
			}
			for _, e := range n.Elts {
				pair, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Name" {
					if name, ok := stringLiteral(pair.Value); ok {
						names = append(names, name)
					}
				}
			}
		}
		return true
	})
	return names
}
