// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command caddy is Caddy with its standard modules and every Tollgate module.
//
// It is used exactly as Caddy is. What differs is that its version and its help
// say that Tollgate is inside.
package main

import (
	"runtime/debug"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
)

// description replaces the text that Caddy's help prints for the root command.
// The command keeps its name, caddy: scripts, service files and shell completions
// written for Caddy go on working.
const description = `Tollgate is an API and LLM gateway made of Caddy modules. This program is
Caddy with its standard modules and all of Tollgate's.

To run a gateway, use:

	- 'caddy run' to run in the foreground with the Caddyfile of the
	  current directory, or another one given with --config.
	- 'caddy reload' to swap the configuration of the running instance
	  without closing a connection.
	- 'caddy validate' to check a configuration without running it.
	- 'caddy list-modules' to see what is compiled in; the gateway's
	  modules are among the non-standard ones.

Everything that Caddy does without Tollgate it does with it; its own
documentation is at https://caddyserver.com/docs/.`

func main() {
	build, _ := debug.ReadBuildInfo()
	// A packager who set Caddy's version at link time has decided already.
	if caddy.CustomVersion == "" {
		caddy.CustomVersion = announcement(build)
	}
	caddy.CustomLongDescription = description
	caddycmd.Main()
}

// announcement returns the words that Caddy prints before its own version, so that
// "caddy version" reads "Tollgate v1.2.3 on Caddy v2.11.9 h1:...". The version is
// the one that the Go toolchain stamped on the main module: a tag, a pseudo-version
// of the commit, or "(devel)" for a build without version control.
func announcement(build *debug.BuildInfo) string {
	version := "(devel)"
	if build != nil && build.Main.Version != "" {
		version = build.Main.Version
	}
	return "Tollgate " + version + " on Caddy"
}
