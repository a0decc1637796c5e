// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package guides tests the pages of docs/guides: it does what they say. Every block of
// a page with a file name is written or applied to that file, every command is run by a
// shell, in the order of the page, and what a page shows as output has to be what came
// out. The commands find the real binary of the gateway, which the tests build.
//
// A page speaks of a whole machine with providers and services in it. The tests give it
// a directory in place of that machine, servers on 127.0.0.1 in place of those, and
// stand-ins for the programs that would change the machine itself: systemctl, journalctl,
// sudo and docker.
//
// Needed are bash, curl and Go. Programs in Python and for Node.js and pages for a browser
// run where python3, node and chromium are installed; "make guides" installs them, and sets
// TOLLGATE_GUIDES=all, with which it is an error if one is missing.
package guides
