// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// modulePath is the import path of this repository's root.
const modulePath = "github.com/caddy-gateway/tollgate"

// sourceTree is the repository, read once for all policy tests.
type sourceTree struct {
	root  string
	files []string // tracked or about to be, slash-separated, relative to root
	fset  *token.FileSet
	gofs  []*goFile
}

// goFile is one parsed Go file.
type goFile struct {
	name    string // relative to the root, slash-separated
	dir     string // its directory, "." for the root
	test    bool
	lines   int
	content []byte
	syntax  *ast.File
}

// repository returns the source tree.
var repository = sync.OnceValues(func() (*sourceTree, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	tree := &sourceTree{root: root, fset: token.NewFileSet()}
	if tree.files, err = listFiles(root); err != nil {
		return nil, err
	}
	for _, name := range tree.files {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		syntax, err := parser.ParseFile(tree.fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		tree.gofs = append(tree.gofs, &goFile{
			name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(content), "\n"), content: content, syntax: syntax,
		})
	}
	return tree, nil
})

func readRepository(t *testing.T) *sourceTree {
	t.Helper()
	tree, err := repository()
	if err != nil {
		t.Fatalf("read repository: %v", err)
	}
	if len(tree.gofs) == 0 {
		t.Fatal("read repository: no Go file found")
	}
	return tree
}

// listFiles returns what git tracks or would add, or every file where there is no git
// checkout, as in an unpacked archive.
func listFiles(root string) ([]string, error) {
	var files []string
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	if out, err := list.Output(); err == nil {
		for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
			if _, err := os.Stat(filepath.Join(root, name)); errors.Is(err, fs.ErrNotExist) {
				continue // deleted, but not yet in the index
			}
			files = append(files, name)
		}
		return files, nil
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" || entry.Name() == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(root, name)
		files = append(files, filepath.ToSlash(relative))
		return err
	})
	return files, err
}

// packages groups the Go files by directory.
func (tree *sourceTree) packages() map[string][]*goFile {
	packages := make(map[string][]*goFile)
	for _, f := range tree.gofs {
		packages[f.dir] = append(packages[f.dir], f)
	}
	return packages
}

// moduleDirs returns the directories directly under modules/ that declare a Caddy
// module: the features and the app.
func (tree *sourceTree) moduleDirs() []string {
	dirs := make(map[string]bool)
	for _, f := range tree.gofs {
		if len(caddyModuleTypes(f)) > 0 && !f.test && path.Dir(f.dir) == "modules" {
			dirs[f.dir] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// caddyModuleTypes returns the names of the types for which the file declares the
// method CaddyModule.
func caddyModuleTypes(f *goFile) []string {
	var types []string
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn.Recv != nil && fn.Name.Name == "CaddyModule" {
			types = append(types, receiverType(fn))
		}
	}
	return types
}

// receiverType returns the name of the type that a method belongs to.
func receiverType(fn *ast.FuncDecl) string {
	expr := fn.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// imports returns the import paths of a file.
func (f *goFile) imports() []string {
	var paths []string
	for _, spec := range f.syntax.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, p)
	}
	return paths
}
