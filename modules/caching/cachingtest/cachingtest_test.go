// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// faultVariable is the environment variable that makes the tests of the model run on a
// store with that fault, in a process of its own.
const faultVariable = "CACHINGTEST_FAULT"

// opener opens models, or what is wrong with them, in a process for that.
func opener() Opener {
	f := fault{wrap: func(m *Model) caching.Store { return m }}
	for i := range faults {
		if faults[i].name == os.Getenv(faultVariable) {
			f = faults[i]
		}
	}
	return Opener{
		Open: func(_ testing.TB, o caching.Options) caching.Store { return f.wrap(NewModel(o)) },
		Several: func(_ testing.TB, n int, o caching.Options) []caching.Store {
			s := f.wrap(NewModel(o))
			stores := make([]caching.Store, n)
			for i := range stores {
				stores[i] = s
				if f.alone {
					stores[i] = f.wrap(NewModel(o))
				}
			}
			return stores
		},
		Counts: true,
	}
}

func TestModel(t *testing.T) {
	Run(t, opener())
}

// TestFaultsAreCaught runs the suite on stores that are wrong, each in a process of its
// own, and wants the test to fail that is there for it.
func TestFaultsAreCaught(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			test := strings.ReplaceAll(f.caught, " ", "_")
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.short", "-test.run=^TestModel$/^"+test+"$")
			cmd.Env = append(os.Environ(), faultVariable+"="+f.name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("%s passes:\n%s", test, out)
			}
			if failed := regexp.MustCompile("(?m)^ *--- FAIL: TestModel/" + test + "[ /]"); !failed.Match(out) {
				t.Errorf("want %s to fail, got\n%s", test, out)
			}
			if strings.Contains(string(out), "panic") {
				t.Errorf("the suite breaks down:\n%s", out)
			}
		})
	}
}
