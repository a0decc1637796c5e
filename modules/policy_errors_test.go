// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// errorsPage lists the codes of all errors.
const errorsPage = "docs/errors.md"

// codeCell matches the first cell of a row of a table that names codes.
var codeCell = regexp.MustCompile("(?m)^\\| (`[a-z0-9_]+`(?:, `[a-z0-9_]+`)*)(?:, \\.\\.\\.)? \\|")

// codeShape is what codes look like.
var codeShape = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)+$|^unauthorized$`)

// documentedCodes returns the codes that the page names, each with false.
func documentedCodes(t *testing.T, tree *sourceTree) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(tree.root, errorsPage))
	if err != nil {
		t.Fatalf("read page: %v", err)
	}
	codes := make(map[string]bool)
	for _, row := range codeCell.FindAllStringSubmatch(string(page), -1) {
		for cell := range strings.SplitSeq(row[1], ", ") {
			codes[strings.Trim(cell, "`")] = false
		}
	}
	if len(codes) < 20 {
		t.Fatalf("%s names %d codes; the pattern of its tables has changed", errorsPage, len(codes))
	}
	return codes
}

// derived are codes on the page that no source spells out: names of statuses.
var derived = map[string]bool{"not_found": true, "internal_server_error": true}

// TestErrorCodesAreDocumented checks that the page names every code with which the gateway
// refuses or fails, and no code that does not exist.
func TestErrorCodesAreDocumented(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	documented := documentedCodes(t, tree)
	for _, f := range tree.gofs {
		if f.test || !strings.HasPrefix(f.dir, "modules") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok {
				if s, ok := stringLiteral(literal); ok {
					if _, ok := documented[s]; ok {
						documented[s] = true
					}
				}
			}
			for _, code := range codesIn(n) {
				if _, ok := documented[code]; !ok {
					t.Errorf("%s: the code %s is not in %s", tree.fset.Position(n.Pos()), code, errorsPage)
				}
			}
			return true
		})
	}
	for code, exists := range documented {
		if !exists && !derived[code] {
			t.Errorf("%s names the code %s, which no source has", errorsPage, code)
		}
	}
}

// codesIn returns the codes that a node itself spells out: arguments of state.Deny, the
// field Code of a Denial or Failure, and assignments to such a field.
func codesIn(n ast.Node) []string {
	var found []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch fn := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = fn.Sel.Name
		case *ast.Ident:
			name = fn.Name
		}
		if name == "Deny" && len(n.Args) > 1 {
			found = append(found, n.Args[1])
		}
	case *ast.CompositeLit:
		if name := typeName(n.Type); name != "Denial" && name != "Failure" {
			return nil
		}
		for _, element := range n.Elts {
			if kv, ok := element.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Code" {
					found = append(found, kv.Value)
				}
			}
		}
	case *ast.AssignStmt:
		for i, target := range n.Lhs {
			if sel, ok := target.(*ast.SelectorExpr); ok && sel.Sel.Name == "Code" && len(n.Rhs) == len(n.Lhs) {
				found = append(found, n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if (strings.HasPrefix(name.Name, "code") || strings.HasPrefix(name.Name, "Code")) && i < len(n.Values) {
				found = append(found, n.Values[i])
			}
		}
	}
	var codes []string
	for _, e := range found {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if s, ok := stringLiteral(literal); ok && codeShape.MatchString(s) {
				codes = append(codes, s)
			}
		}
	}
	return codes
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}
