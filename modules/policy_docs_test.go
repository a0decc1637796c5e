// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPackagesAreDocumentedOnce checks that each package has its documentation in
// exactly one file.
func TestPackagesAreDocumentedOnce(t *testing.T) {
	t.Parallel()
	for dir, files := range readRepository(t).packages() {
		var documented []string
		for _, f := range files {
			if f.syntax.Doc == nil || strings.HasSuffix(f.syntax.Name.Name, "_test") {
				continue
			}
			documented = append(documented, f.name)
			doc, want := f.syntax.Doc.Text(), "Package "+f.syntax.Name.Name+" "
			if f.syntax.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(doc, want) {
				t.Errorf("%s: package documentation does not begin with %q", f.name, want)
			}
		}
		if len(documented) != 1 {
			t.Errorf("%s: package documentation in %d files, want 1: %s", dir, len(documented), documented)
		}
	}
}

// TestExportedNamesAreDocumented checks the doc comments under modules/, where a
// configuration field's comment is also its page in Caddy's reference.
func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	for _, f := range tree.gofs {
		if f.test || !strings.HasPrefix(f.dir, "modules") {
			continue
		}
		for _, d := range f.syntax.Decls {
			for _, undocumented := range undocumentedNames(d, !strings.Contains(f.dir, "internal")) {
				t.Errorf("%s: %s is exported and has no doc comment", tree.fset.Position(undocumented.Pos()), undocumented.Name)
			}
		}
	}
}

// undocumentedNames returns the exported names of a declaration that lack a comment,
// with those of its fields and interface methods if members is set. In an internal
// package the comment on the type may speak for the obvious ones.
func undocumentedNames(d ast.Decl, members bool) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiverType(d))) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return nil
		}
		var names []*ast.Ident
		for _, spec := range d.Specs {
			names = append(names, undocumentedInSpec(d, spec, members)...)
		}
		return names
	}
	return nil
}

// undocumentedInSpec looks at one type, or one line of constants or variables, for
// which a comment on the whole group or at the end of the line will do.
func undocumentedInSpec(d *ast.GenDecl, spec ast.Spec, members bool) []*ast.Ident {
	var names []*ast.Ident
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		if s.Doc == nil && d.Doc == nil {
			names = append(names, s.Name)
		}
		if !members {
			return names
		}
		switch body := s.Type.(type) {
		case *ast.StructType:
			names = append(names, undocumentedFields(body.Fields)...)
		case *ast.InterfaceType:
			names = append(names, undocumentedFields(body.Methods)...)
		}
	case *ast.ValueSpec:
		if s.Doc != nil || s.Comment != nil || d.Doc != nil {
			return nil
		}
		for _, n := range s.Names {
			if n.IsExported() {
				names = append(names, n)
			}
		}
	}
	return names
}

// undocumentedFields returns the exported fields and methods that neither have a
// comment nor follow, without an empty line, in a group that begins with one.
func undocumentedFields(list *ast.FieldList) []*ast.Ident {
	var names []*ast.Ident
	grouped := false
	var end token.Pos
	for _, field := range list.List {
		commented := field.Doc != nil || field.Comment != nil
		adjacent := end.IsValid() && field.Pos()-end <= 8 // a line break and indentation
		grouped = commented || (grouped && adjacent)
		end = field.End()
		if grouped {
			continue
		}
		for _, n := range field.Names {
			if n.IsExported() {
				names = append(names, n)
			}
		}
	}
	return names
}

// TestModulesAreGuarded checks that the compiler confirms, for each type that is a
// Caddy module, which of Caddy's interfaces it implements: Caddy itself finds out with
// type assertions, which fail silently.
func TestModulesAreGuarded(t *testing.T) {
	t.Parallel()
	for dir, files := range readRepository(t).packages() {
		var types []string
		guarded := make(map[string]bool)
		heading := false
		for _, f := range files {
			if f.test {
				continue
			}
			types = append(types, caddyModuleTypes(f)...)
			maps.Copy(guarded, guardedTypes(f))
			heading = heading || strings.Contains(string(f.content), "\n// Interface guards\n")
		}
		if len(types) == 0 {
			continue
		}
		if !heading {
			t.Errorf("%s has Caddy modules and no section %q", dir, "// Interface guards")
		}
		slices.Sort(types)
		for _, name := range types {
			if !guarded[name] {
				t.Errorf("%s: type %s is a Caddy module without an interface guard", dir, name)
			}
		}
	}
}

// guardedTypes returns the types T of declarations such as "_ I = (*T)(nil)",
// "_ I = T{}" and "_ I = new(T)".
func guardedTypes(f *goFile) map[string]bool {
	types := make(map[string]bool)
	for _, d := range f.syntax.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			if len(value.Names) != 1 || value.Names[0].Name != "_" || value.Type == nil {
				continue
			}
			for _, v := range value.Values {
				ast.Inspect(v, func(n ast.Node) bool {
					if ident, ok := n.(*ast.Ident); ok {
						types[ident.Name] = true
					}
					return true
				})
			}
		}
	}
	return types
}
