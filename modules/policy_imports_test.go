// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// A package may import only packages of lower floors. This is the whole of the house;
// a package that is not listed fails the test, so that its floor is decided on.
const (
	floorPure     = iota // domain logic, which knows nothing of Caddy
	floorGlue            // between the domain logic and Caddy
	floorOptions         // glue on glue: options that several features have in common
	floorApp             // what all handlers share
	floorFeature         // one Caddy feature each
	floorAssembly        // all features together
	floorEnd             // programs and end-to-end tests
)

// floors places every package, by its directory.
var floors = map[string]int{
	"modules/internal/money":     floorPure,
	"modules/internal/usage":     floorPure,
	"modules/internal/stream":    floorPure,
	"modules/internal/jsonpeek":  floorPure,
	"modules/internal/pricing":   floorPure,
	"modules/internal/apikey":    floorPure,
	"modules/internal/consumers": floorPure,
	"modules/internal/ledger":    floorPure,
	"modules/internal/apierror":  floorPure,

	"modules/internal/ledger/ledgertest": floorPure,
	"modules/internal/boltfile":          floorPure,
	"modules/internal/ledgerdb":          floorPure,
	"modules/internal/journal":           floorPure,

	"modules/internal/introspect":  floorPure,
	"modules/internal/oauthserver": floorPure,

	"modules/internal/limitmem": floorPure,
	"modules/internal/limitdb":  floorPure,

	"modules/internal/decode":      floorPure,
	"modules/internal/jsonedit":    floorPure,
	"modules/internal/tokens":      floorPure,
	"modules/internal/estimate":    floorPure,
	"modules/internal/usagefilter": floorPure,
	"modules/internal/reshape":     floorPure,

	"modules/internal/langid":          floorPure,
	"modules/internal/langid/ngram":    floorPure,
	"modules/internal/langid/train":    floorPure,
	"modules/internal/langid/accuracy": floorPure,

	"modules/languages":          floorPure,
	"modules/internal/langroute": floorPure,
	"modules/internal/langtext":  floorPure,
	"modules/internal/latency":   floorPure,

	"modules/caching":             floorPure,
	"modules/caching/cachingtest": floorPure,
	"modules/internal/cachekey":   floorPure,
	"modules/internal/cachemem":   floorPure,
	"modules/internal/cacheredis": floorPure,
	"modules/internal/coalesce":   floorPure,
	"modules/internal/httpcache":  floorPure,
	"modules/internal/llmreplay":  floorPure,

	"modules/records":              floorPure,
	"modules/records/recordstest":  floorPure,
	"modules/internal/recorddb":    floorPure,
	"modules/internal/recordredis": floorPure,
	"modules/internal/tickets":     floorPure,

	"modules/internal/jwtverify": floorPure,
	"modules/internal/jwks":      floorPure,

	"modules/internal/jwtverify/jwttest": floorPure,

	"modules/limits":             floorPure,
	"modules/limits/limitstest":  floorPure,
	"modules/internal/quotaspec": floorPure,

	"modules/internal/redisconn":   floorPure,
	"modules/internal/redistest":   floorPure,
	"modules/internal/versioning":  floorPure,
	"modules/internal/ledgerredis": floorPure,
	"modules/internal/limitredis":  floorPure,

	"modules/internal/state":   floorGlue,
	"modules/internal/options": floorGlue,
	"modules/internal/order":   floorGlue,

	"modules/internal/quotaoptions": floorOptions,

	"modules/gateway": floorApp,

	"modules/acl":            floorFeature,
	"modules/apiversion":     floorFeature,
	"modules/consumermatch":  floorFeature,
	"modules/correlationid":  floorFeature,
	"modules/gatewayauth":    floorFeature,
	"modules/gatewaycache":   floorFeature,
	"modules/gatewaycors":    floorFeature,
	"modules/gatewayerrors":  floorFeature,
	"modules/gatewayroute":   floorFeature,
	"modules/iprestriction":  floorFeature,
	"modules/jwtauth":        floorFeature,
	"modules/keyauth":        floorFeature,
	"modules/languagematch":  floorFeature,
	"modules/languagepolicy": floorFeature,
	"modules/languagerouter": floorFeature,
	"modules/latencypolicy":  floorFeature,
	"modules/lingua":         floorFeature,
	"modules/scriptdetector": floorFeature,
	"modules/oauth2":         floorFeature,
	"modules/oauth2server":   floorFeature,
	"modules/quota":          floorFeature,
	"modules/llmcost":        floorFeature,
	"modules/mockllm":        floorFeature,
	"modules/redisstore":     floorFeature,
	"modules/requestguard":   floorFeature,
	"modules/ticket":         floorFeature,

	"modules/requesttransform":  floorFeature,
	"modules/responsetransform": floorFeature,

	"modules": floorAssembly,

	"cmd/caddy":         floorEnd,
	"integration":       floorEnd,
	"integration/ports": floorEnd,
}

// dependencies are the modules that the shipped packages may import directly, each
// with the reason. What Caddy links already costs an operator nothing.
var dependencies = map[string]string{
	"github.com/caddyserver/caddy/v2":     "what the gateway is made for",
	"github.com/dustin/go-humanize":       "the sizes of Caddy's own options",
	"github.com/google/uuid":              "request identifiers, as Caddy makes them",
	"github.com/prometheus/client_golang": "Caddy's metrics registry",
	"github.com/spf13/cobra":              "Caddy's subcommands",
	"go.uber.org/zap":                     "Caddy's logger",
	"golang.org/x/net/http/httpguts":      "the token and field syntax that net/http applies",
	"golang.org/x/term":                   "whether a log goes to a terminal, as Caddy decides it",
}

// pureDependencies are what domain logic may import besides the standard library: by
// the one package that wraps it, so that it can be replaced there, and with the reason.
var pureDependencies = map[string]map[string]string{
	"modules/internal/limitdb": {
		"go.etcd.io/bbolt": "as in ledgerdb, for counters",
	},
	"modules/internal/boltfile": {
		"go.etcd.io/bbolt": "the embedded database that Caddy links for its certificate authority",
	},
	"modules/internal/ledgerdb": {
		"go.etcd.io/bbolt": "transactions of boltfile, for the ledger",
	},
	"modules/internal/redisconn": {
		"github.com/redis/go-redis/v9": "the client of Redis, its Sentinels and its Cluster",
	},
	"modules/internal/cachemem": {
		"github.com/maypok86/otter/v2":  "a cache bounded by bytes that keeps what is asked for often (W-TinyLFU)",
		"github.com/klauspost/compress": "s2, which is fast enough for every hit",
	},
	"modules/internal/cacheredis": {
		"github.com/redis/go-redis/v9": "the commands of that client",
	},
	"modules/internal/recorddb": {
		"go.etcd.io/bbolt": "as in ledgerdb, for small records",
	},
	"modules/internal/recordredis": {
		"github.com/redis/go-redis/v9": "its scripts and pipelines",
	},
	"modules/internal/limitredis": {
		"github.com/redis/go-redis/v9": "its scripts, their arguments and pipelines",
	},
	"modules/internal/ledgerredis": {
		"github.com/redis/go-redis/v9": "the commands of that client, and its hashes in pieces",
	},
	"modules/internal/jwtverify": {
		"github.com/go-jose/go-jose/v4": "signatures and keys of RFC 7515 and 7517, from the library that Caddy links for ACME and its certificate authority",
	},
	"modules/internal/tokens": {
		"github.com/tiktoken-go/tokenizer": "the vocabularies of OpenAI's models, embedded",
	},
	"modules/internal/oauthserver": {
		"github.com/go-jose/go-jose/v4":  "signatures and published keys; Caddy links it",
		"github.com/go-oauth2/oauth2/v4": "the grant; three packages without dependencies of their own",
	},
	"modules/internal/decode": {
		"github.com/andybalholm/brotli": "the only decoder of br; Go and Caddy have none",
		"github.com/klauspost/compress": "inflating and zstd, as Caddy's encode handler has them",
	},
}

// featureDependencies are what one feature may import besides, which no other should.
var featureDependencies = map[string]map[string]string{
	"modules/gatewaycors": {
		"github.com/rs/cors": "the CORS protocol itself; it is in the module graph of Caddy already",
	},
	"modules/languagematch": {
		"cel.dev/cel-go": "the matcher in Caddy's expressions, whose language that is",
	},
	"modules/lingua": {
		"github.com/pemistahl/lingua-go": "the world's languages, which the gateway's own tables lack",
	},
}

// optional are the features that the assembly leaves out, each with the reason. Programs
// import them by themselves.
var optional = map[string]string{
	"modules/lingua": "it adds 131 MB to a program",
}

// testDependencies are those that only tests may import.
var testDependencies = map[string]string{
	"golang.org/x/crypto/bcrypt": "the passwords of Caddy's basic authentication",
	"golang.org/x/net/http2":     "frames that net/http's client never sends",
}

// contracts are what authors of modules of the gateway's own namespaces use besides,
// stores and detectors of languages, and tests that are such authors.
var contracts = map[string]bool{
	"modules/gateway":           true,
	"modules/languages":         true,
	"modules/limits":            true,
	"modules/limits/limitstest": true,
}

// harnesses are what end-to-end tests have in common.
var harnesses = map[string]bool{"integration/ports": true}

func TestImportsGoDownwards(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	for _, f := range tree.gofs {
		floor, ok := floors[f.dir]
		if strings.HasPrefix(f.dir, "integration/") {
			floor, ok = floorEnd, true
		}
		if !ok {
			t.Errorf("%s: directory %s has no floor; give it one in this test and in docs/architecture.md", f.name, f.dir)
			continue
		}
		for _, imported := range f.imports() {
			if why := importFault(f, floor, imported); why != "" {
				t.Errorf("%s imports %s: %s", f.name, imported, why)
			}
		}
	}
}

// TestFloorsAreDescribed checks that the table of floors names every package. What stands
// below another package is described with it.
func TestFloorsAreDescribed(t *testing.T) {
	t.Parallel()
	const page = "docs/architecture.md"
	table, _, _ := strings.Cut(readRepository(t).texts(t, "docs", ".md")[page], "\nFloor 0 knows")
	for dir := range floors {
		if _, below := floors[path.Dir(dir)]; below && path.Dir(dir) != "modules" {
			continue
		}
		if !strings.Contains(table, "`"+dir+"`") && !strings.Contains(table, "`"+path.Base(dir)+"`") {
			t.Errorf("%s: the table of floors does not name %s", page, dir)
		}
	}
}

// importFault says why a file on a floor may not import a path, or returns "".
func importFault(f *goFile, floor int, imported string) string {
	inside, ours := strings.CutPrefix(imported, modulePath+"/")
	if !ours {
		return foreignFault(f.dir, floor, f.test, imported)
	}
	if inside == f.dir {
		if f.test {
			return "" // an external test imports its package
		}
		return "a package cannot import itself"
	}
	target, ok := floors[inside]
	switch {
	case !ok:
		return "it has no floor"
	case floor == floorAssembly && optional[inside] != "":
		return "it is optional, because " + optional[inside]
	case floor == floorPure && target == floorPure:
		return "" // leaves may be chained
	case floor == floorEnd && f.test && harnesses[inside]:
		return ""
	case floor == floorEnd && target != floorAssembly && optional[inside] == "" && !(f.test && contracts[inside]):
		return "the ends use what users use, which is the assembly alone"
	case target == floor && floor == floorFeature:
		return "features never import one another; they meet in the request state and in the app"
	case target >= floor:
		return "a package imports only lower floors"
	}
	return ""
}

// foreignFault says why a package outside this module may not be imported.
func foreignFault(dir string, floor int, test bool, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") || floor == floorEnd {
		return "" // the standard library; the ends have their own go.mod or link only Caddy
	}
	allowed := maps.Clone(dependencies)
	if test {
		maps.Copy(allowed, testDependencies)
	}
	maps.Copy(allowed, featureDependencies[dir])
	if floor == floorPure {
		allowed = pureDependencies[dir]
	}
	for module := range allowed {
		if imported == module || strings.HasPrefix(imported, module+"/") {
			return ""
		}
	}
	if floor == floorPure {
		return "domain logic uses the standard library, and a dependency only in the package that wraps it"
	}
	return "it is not among the dependencies that this test gives a reason for"
}

func TestImportFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		dir      string
		test     bool
		imported string
		fault    bool
	}{
		{name: "pure uses the standard library", dir: "modules/internal/money", imported: "net/http"},
		{name: "pure chains", dir: "modules/internal/pricing", imported: modulePath + "/modules/internal/money"},
		{name: "pure uses Caddy", dir: "modules/internal/money", imported: "github.com/caddyserver/caddy/v2", fault: true},
		{name: "pure uses zap", dir: "modules/internal/money", imported: "go.uber.org/zap", fault: true},
		{name: "pure wraps a library", dir: "modules/internal/decode", imported: "github.com/andybalholm/brotli"},
		{name: "pure uses a library wrapped elsewhere", dir: "modules/internal/money", imported: "github.com/andybalholm/brotli", fault: true},
		{name: "glue uses pure", dir: "modules/internal/state", imported: modulePath + "/modules/internal/money"},
		{name: "glue uses glue", dir: "modules/internal/state", imported: modulePath + "/modules/internal/order", fault: true},
		{name: "feature uses the app", dir: "modules/acl", imported: modulePath + "/modules/gateway"},
		{name: "feature uses a feature", dir: "modules/acl", imported: modulePath + "/modules/keyauth", fault: true},
		{name: "feature test uses a feature", dir: "modules/acl", test: true, imported: modulePath + "/modules/keyauth", fault: true},
		{name: "app uses a feature", dir: "modules/gateway", imported: modulePath + "/modules/keyauth", fault: true},
		{name: "feature uses testify", dir: "modules/acl", imported: "github.com/stretchr/testify/require", fault: true},
		{name: "feature wraps a library", dir: "modules/lingua", imported: "github.com/pemistahl/lingua-go"},
		{name: "feature uses a library wrapped elsewhere", dir: "modules/acl", imported: "github.com/pemistahl/lingua-go", fault: true},
		{name: "feature uses frames", dir: "modules/acl", imported: "golang.org/x/net/http2", fault: true},
		{name: "feature test uses frames", dir: "modules/acl", test: true, imported: "golang.org/x/net/http2"},
		{name: "assembly uses a feature", dir: "modules", imported: modulePath + "/modules/keyauth"},
		{name: "program uses the assembly", dir: "cmd/caddy", imported: modulePath + "/modules"},
		{name: "program uses a feature", dir: "cmd/caddy", imported: modulePath + "/modules/keyauth", fault: true},
		{name: "program uses an optional feature", dir: "cmd/caddy", imported: modulePath + "/modules/lingua"},
		{name: "program uses a contract", dir: "cmd/caddy", imported: modulePath + "/modules/languages", fault: true},
		{name: "end-to-end test uses a contract", dir: "integration", test: true, imported: modulePath + "/modules/languages"},
		{name: "end-to-end test uses a harness", dir: "integration", test: true, imported: modulePath + "/integration/ports"},
		{name: "program uses a harness", dir: "cmd/caddy", imported: modulePath + "/integration/ports", fault: true},
		{name: "feature test uses a harness", dir: "modules/acl", test: true, imported: modulePath + "/integration/ports", fault: true},
		{name: "assembly uses an optional feature", dir: "modules", imported: modulePath + "/modules/lingua", fault: true},
		{name: "unknown package", dir: "modules/acl", imported: modulePath + "/modules/internal/misc", fault: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fault := importFault(&goFile{dir: tt.dir, test: tt.test}, floors[tt.dir], tt.imported)
			if (fault != "") != tt.fault {
				t.Errorf("importFault() = %q, want a fault: %v", fault, tt.fault)
			}
		})
	}
}

// TestAssemblyIsComplete checks that modules.go imports exactly the packages that
// register Caddy modules.
func TestAssemblyIsComplete(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	var want, got []string
	for _, dir := range tree.moduleDirs() {
		if optional[dir] == "" {
			want = append(want, modulePath+"/"+dir)
		}
	}
	for _, f := range tree.packages()["modules"] {
		if f.test {
			continue
		}
		if f.name != "modules/modules.go" {
			t.Errorf("%s: modules.go is the only file of its package", f.name)
		}
		if len(f.syntax.Decls) > 1 {
			t.Errorf("%s: the assembly holds import lines and nothing else", f.name)
		}
		for _, spec := range f.syntax.Imports {
			if spec.Name == nil || spec.Name.Name != "_" {
				t.Errorf("%s: import %s is not blank", f.name, spec.Path.Value)
			}
		}
		got = append(got, f.imports()...)
	}
	if !slices.IsSorted(got) {
		t.Errorf("modules/modules.go: imports are not sorted: %s", got)
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("modules/modules.go does not import %s, which registers Caddy modules", p)
		}
	}
	for _, p := range got {
		if !slices.Contains(want, p) {
			t.Errorf("modules/modules.go imports %s, which registers no Caddy module or is optional", path.Base(p))
		}
	}
}

// TestProgramHoldsOptionalFeatures checks that the program imports what the assembly
// leaves out, each in a file that a build tag named after the feature takes away.
func TestProgramHoldsOptionalFeatures(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	for dir := range optional {
		held := false
		for _, f := range tree.packages()["cmd/caddy"] {
			if slices.Contains(f.imports(), modulePath+"/"+dir) {
				held = true
				if tag := "\n//go:build !no" + path.Base(dir) + "\n"; !strings.Contains(string(f.content), tag) {
					t.Errorf("%s imports %s without the line %q", f.name, dir, strings.TrimSpace(tag))
				}
			}
		}
		if !held {
			t.Errorf("cmd/caddy does not import %s", dir)
		}
	}
}
