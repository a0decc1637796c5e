// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// xcaddyBuilder mirrors the exported JSON fields of the type Builder of
// github.com/caddyserver/xcaddy. Times are in nanoseconds.
type xcaddyBuilder struct {
	OS           string              `json:"os"`
	Arch         string              `json:"arch"`
	ARM          string              `json:"arm"`
	Cgo          bool                `json:"cgo"`
	CaddyVersion string              `json:"caddy_version"`
	Plugins      []xcaddyDependency  `json:"plugins"`
	Replacements []xcaddyReplacement `json:"replacements"`
	TimeoutGet   int64               `json:"timeout_get"`
	TimeoutBuild int64               `json:"timeout_build"`
	RaceDetector bool                `json:"race_detector"`
	SkipCleanup  bool                `json:"skip_cleanup"`
	SkipBuild    bool                `json:"skip_build"`
	Debug        bool                `json:"debug"`
	BuildFlags   string              `json:"build_flags"`
	ModFlags     string              `json:"mod_flags"`
	PgoProfile   string              `json:"pgo_profile"`
	EmbedDirs    []struct {
		Dir  string `json:"dir"`
		Name string `json:"name"`
	} `json:"embed_dir"`
}

// xcaddyDependency is a plugin: despite its JSON name, the path of a package.
type xcaddyDependency struct {
	PackagePath string `json:"module_path"`
	Version     string `json:"version"`
}

// xcaddyReplacement is a replace directive for go.mod.
type xcaddyReplacement struct {
	Old string `json:"old"`
	New string `json:"new"`
}

func readText(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("read file: %v", err)
	}
	return string(content)
}

// required returns the version that a go.mod requires of a module.
func required(t *testing.T, gomod, module string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(module) + ` (\S+)`).FindStringSubmatch(gomod)
	if found == nil {
		t.Fatalf("go.mod does not require %s", module)
	}
	return found[1]
}

func TestXcaddyFileAgreesWithTheRepository(t *testing.T) {
	t.Parallel()
	var b xcaddyBuilder
	decoder := json.NewDecoder(bytes.NewReader([]byte(readText(t, "../xcaddy.json"))))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		t.Fatalf("decode xcaddy.json: %v", err)
	}
	gomod := readText(t, "../go.mod")
	if !strings.HasPrefix(gomod, "module "+modulePath+"\n") {
		t.Errorf("go.mod does not begin with module %s", modulePath)
	}
	if want := required(t, gomod, "github.com/caddyserver/caddy/v2"); b.CaddyVersion != want {
		t.Errorf("caddy_version is %s, go.mod requires %s", b.CaddyVersion, want)
	}
	want := []xcaddyDependency{{PackagePath: modulePath + "/modules"}}
	for _, dir := range slices.Sorted(maps.Keys(optional)) {
		want = append(want, xcaddyDependency{PackagePath: modulePath + "/" + dir})
	}
	if !slices.Equal(b.Plugins, want) {
		t.Errorf("plugins are %v, want %v", b.Plugins, want)
	}
	if want := []xcaddyReplacement{{Old: modulePath, New: "."}}; !slices.Equal(b.Replacements, want) {
		t.Errorf("replacements are %v, want %v", b.Replacements, want)
	}

	makefile := readText(t, "../Makefile")
	if want := regexp.MustCompile(`(?m)^TAGS\s*:=\s*(\S+)$`).FindStringSubmatch(makefile); want == nil {
		t.Error("the Makefile sets no TAGS")
	} else if !slices.Contains(strings.Fields(b.BuildFlags), "-tags="+want[1]) {
		t.Errorf("build_flags %q do not hold the tags of the Makefile, %s", b.BuildFlags, want[1])
	}
}

// TestModulesAgreeOnVersions checks that the end-to-end tests run the Caddy that is
// shipped.
func TestModulesAgreeOnVersions(t *testing.T) {
	t.Parallel()
	shipped, tested := readText(t, "../go.mod"), readText(t, "../integration/go.mod")
	for _, module := range []string{"github.com/caddyserver/caddy/v2", "github.com/quic-go/quic-go"} {
		if want, got := required(t, shipped, module), required(t, tested, module); got != want {
			t.Errorf("integration/go.mod requires %s %s, go.mod %s", module, got, want)
		}
	}
}
