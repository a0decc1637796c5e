// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache_test

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
)

var (
	serveOrigin  = flag.String("serve-origin", "", "serve the caching proxy in front of this origin instead of running tests")
	serveAddress = flag.String("serve-address", "127.0.0.1:0", "where to serve it")
	serveCookies = flag.Bool("serve-cookies", false, "store answers that set cookies")
)

// TestMain runs the tests or, with -serve-origin, the proxy for a suite that
// speaks HTTP: go test -c, then ./httpcache.test -serve-origin http://127.0.0.1:8000.
func TestMain(m *testing.M) {
	flag.Parse()
	if *serveOrigin == "" {
		os.Exit(m.Run())
	}
	if err := serveProxy(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// suiteOptions let a shared cache do all that the standards allow.
func suiteOptions() httpcache.Options {
	return httpcache.Options{
		AnyStatus: true, HeuristicMax: 24 * time.Hour, ContentLocationPOST: true,
		Cookies: httpcache.RefuseCookies, Targets: []string{"CDN-Cache-Control"}, IgnoreLanguageOrder: true,
	}
}

func serveProxy() error {
	o := suiteOptions()
	if *serveCookies {
		o.Cookies = httpcache.KeepCookies
	}
	proxy, err := newCacheProxy(*serveOrigin, o, time.Now)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *serveAddress)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return (&http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}).Serve(listener)
}
