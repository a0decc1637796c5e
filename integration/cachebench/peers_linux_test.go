// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachebench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// nginxConfig is a cache of nginx in one process.
const nginxConfig = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_cache_path %[1]s/cache keys_zone=zone:10m;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 100000000;
	server {
		listen %[2]s;
		location / {
			proxy_cache zone;
			proxy_pass http://%[3]s;
			add_header X-Cache-Status $upstream_cache_status;
		}
	}
}
`

// peers starts other caches, as far as they are installed, and has them store the answer.
func peers(tb testing.TB, upstream string, like *target) (out []*target) {
	tb.Helper()
	dir := tb.TempDir()
	if path, err := exec.LookPath("nginx"); err == nil {
		address, name := freeAddress(tb), filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(name, fmt.Appendf(nil, nginxConfig, dir, address, upstream), 0o600); err != nil {
			tb.Fatalf("write configuration of nginx: %v", err)
		}
		pid := program(tb, exec.Command(path, "-p", dir, "-c", name), address)
		out = append(out, &target{name: "nginx", pid: pid, address: address, request: like.request, size: like.size})
	}
	if path, err := exec.LookPath("varnishd"); err == nil {
		address := freeAddress(tb)
		// Its worker is a process that it starts, whose processor time is not looked for.
		program(tb, exec.Command(path, "-F", "-n", filepath.Join(dir, "varnish"), "-a", address, "-b", upstream, "-s", "malloc,64m"), address)
		out = append(out, &target{name: "varnish", address: address, request: like.request, size: like.size})
	}
	return out
}
