// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"crypto/tls"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestReadURLs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		o    Options
		want target
	}{
		{"one server", Options{URLs: []string{"redis://demo"}}, target{network: "tcp", addrs: []string{"demo:6379"}}},
		{"upper case", Options{URLs: []string{"REDIS://demo"}}, target{network: "tcp", addrs: []string{"demo:6379"}}},
		{
			"everything",
			Options{URLs: []string{"rediss://me:p%40ss%2F:word@demo:7000/3"}},
			target{network: "tcp", addrs: []string{"demo:7000"}, encrypted: true, username: "me", password: "p@ss/:word", db: 3},
		},
		{
			"password alone",
			Options{URLs: []string{"redis://:demo-password@demo/"}},
			target{network: "tcp", addrs: []string{"demo:6379"}, password: "demo-password"},
		},
		{
			"user and password by option",
			Options{URLs: []string{"redis://me:old@demo"}, Username: "you", Password: "new"},
			target{network: "tcp", addrs: []string{"demo:6379"}, username: "you", password: "new"},
		},
		{"IPv6", Options{URLs: []string{"redis://[::1]:7000"}}, target{network: "tcp", addrs: []string{"[::1]:7000"}}},
		{"IPv6 without a port", Options{URLs: []string{"redis://[::1]"}}, target{network: "tcp", addrs: []string{"[::1]:6379"}}},
		{"socket", Options{URLs: []string{"unix:///run/redis.sock"}}, target{network: "unix", addrs: []string{"/run/redis.sock"}}},
		{
			"socket and database",
			Options{URLs: []string{"unix:///run/redis.sock?db=2"}},
			target{network: "unix", addrs: []string{"/run/redis.sock"}, db: 2},
		},
		{
			"Sentinels",
			Options{URLs: []string{"redis+sentinel://a,b:1,c/demo/2"}},
			target{network: "tcp", addrs: []string{"a:26379", "b:1", "c:26379"}, sentinel: true, master: "demo", db: 2},
		},
		{
			"Sentinels by option",
			Options{URLs: []string{"rediss://a", "rediss://b:1"}, Master: "demo", TLS: &tls.Config{}},
			target{network: "tcp", addrs: []string{"a:26379", "b:1"}, encrypted: true, sentinel: true, master: "demo"},
		},
		{
			"Sentinels by both",
			Options{URLs: []string{"rediss+sentinel://a/demo"}, Master: "demo"},
			target{network: "tcp", addrs: []string{"a:26379"}, encrypted: true, sentinel: true, master: "demo"},
		},
		{
			"Cluster",
			Options{URLs: []string{"redis://:demo-password@a", "redis://:demo-password@b"}, Cluster: true},
			target{network: "tcp", addrs: []string{"a:6379", "b:6379"}, password: "demo-password"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := readURLs(&tc.o)
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("readURLs = %+v, %v, want %+v", got, err, tc.want)
			}
			if _, err := New(tc.o); err != nil {
				t.Errorf("New: %v", err)
			}
		})
	}
}

// TestNewRefuses: bad options are refused with what to write instead, and no message
// holds the password, wherever it is.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	one := []string{"redis://demo"}
	for _, tc := range []struct {
		name string
		o    Options
		want string // part of the message
	}{
		{"nothing", Options{}, "redis://host:6379"},
		{"empty", Options{URLs: []string{""}}, "redis://host:6379"},
		{"no scheme", Options{URLs: []string{"secret@demo:6379"}}, "no scheme"},
		{"another scheme", Options{URLs: []string{"http://:secret@demo"}}, "scheme is unknown"},
		{"no host", Options{URLs: []string{"redis://:secret@"}}, "host is missing"},
		{"password without host", Options{URLs: []string{"redis://demo:secret"}}, "port is not a number"},
		{"password with a slash", Options{URLs: []string{"redis://me:sec/secret@demo"}}, "percent-encoded"},
		{"password with a mark", Options{URLs: []string{"redis://me:sec?secret@demo"}}, "%3F"},
		{"password with a percent", Options{URLs: []string{"redis://me:%secret@demo"}}, "%25"},
		{"two ports", Options{URLs: []string{"redis://demo:1:secret"}}, "host is not one"},
		{"port 0", Options{URLs: []string{"redis://demo:0"}}, "1 to 65535"},
		{"large port", Options{URLs: []string{"redis://demo:65536"}}, "1 to 65535"},
		{"space", Options{URLs: []string{"redis://de mo"}}, "host is missing"},
		{"parameters", Options{URLs: []string{"redis://demo?timeout=1s"}}, "options of the store"},
		{"database", Options{URLs: []string{"redis://demo/secret"}}, "database is not a number"},
		{"negative database", Options{URLs: []string{"redis://demo/-1"}}, "database is not a number"},
		{"user alone", Options{URLs: []string{"redis://me@demo"}}, "without a password"},
		{"hosts without Sentinels", Options{URLs: []string{"redis://a,b"}}, "a URL for each"},
		{"servers without a Cluster", Options{URLs: []string{"redis://a", "redis://b"}}, "option cluster"},
		{"second URL", Options{URLs: []string{"redis://a", "b"}, Cluster: true}, "URL 2"},
		{"mixed TLS", Options{URLs: []string{"redis://a", "rediss://b"}, Cluster: true}, "TLS"},
		{"mixed passwords", Options{URLs: []string{"redis://:secret@a", "redis://b"}, Cluster: true}, "password differ"},
		{"mixed databases", Options{URLs: []string{"redis://a/1", "redis://b"}, Master: "demo"}, "databases differ"},
		{"mixed kinds", Options{URLs: []string{"redis+sentinel://a/demo", "redis+sentinel://b/demo"}}, "one URL"},
		{"two sockets", Options{URLs: []string{"unix:///a", "unix:///b"}, Cluster: true}, "single URL"},
		{"relative socket", Options{URLs: []string{"unix://a"}}, "unix:///path"},
		{"socket parameters", Options{URLs: []string{"unix:///a?password=secret"}}, "?db=1"},
		{"socket of a Cluster", Options{URLs: []string{"unix:///a"}, Cluster: true}, "socket"},
		{"nameless master", Options{URLs: []string{"redis+sentinel://a"}}, "name the master"},
		{"two masters", Options{URLs: []string{"redis+sentinel://a/one"}, Master: "two"}, "different masters"},
		{"Sentinels of a Cluster", Options{URLs: []string{"redis+sentinel://a/one"}, Cluster: true}, "no Sentinels"},
		{"master of a Cluster", Options{URLs: one, Cluster: true, Master: "demo"}, "either cluster or master"},
		{"database of a Cluster", Options{URLs: []string{"redis://a/1"}, Cluster: true}, "one database"},
		{"TLS without", Options{URLs: one, TLS: &tls.Config{}}, "rediss://"},
		{"short timeout", Options{URLs: one, Timeout: time.Microsecond}, "from 1ms"},
		{"negative timeout", Options{URLs: one, Timeout: -time.Second}, "from 1ms"},
		{"long dial timeout", Options{URLs: one, DialTimeout: time.Minute}, "dial timeout"},
		{"negative pool", Options{URLs: one, PoolSize: -1}, "pool size"},
		{"large pool", Options{URLs: one, PoolSize: 100_000}, "pool size"},
		{"prefix with braces", Options{URLs: one, Prefix: "a{b}"}, "braces"},
		{"prefix with a space", Options{URLs: one, Prefix: "a b"}, "prefix"},
		{"long prefix", Options{URLs: one, Prefix: strings.Repeat("a", 129)}, "128"},
		{"long instance", Options{URLs: one, Instance: strings.Repeat("a", 129)}, "128"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(tc.o)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if text := err.Error(); !strings.Contains(text, tc.want) || strings.Contains(text, "secret") {
				t.Errorf("the error is %q, want one with %q and without the password", text, tc.want)
			}
		})
	}
}
