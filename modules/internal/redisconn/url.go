// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Errors about URLs never quote one, because a password may be in any part of a URL
// that is not as it should be.
const urlForms = "write redis://host:6379, rediss://host:6379, unix:///path/to/socket or redis+sentinel://host:26379/master"

// target is where Redis is.
type target struct {
	network            string // tcp or unix
	addrs              []string
	encrypted          bool
	sentinel           bool
	username, password string
	master             string
	db                 int
}

// readURLs makes one target of all URLs.
func readURLs(o *Options) (target, error) {
	if len(o.URLs) == 0 {
		return target{}, errors.New("no URL of Redis; " + urlForms)
	}
	var all target
	for i, text := range o.URLs {
		t, err := readURL(text, o.Master != "")
		if err == nil && i > 0 {
			err = all.fits(&t)
		}
		if err != nil {
			if len(o.URLs) > 1 {
				err = fmt.Errorf("URL %d: %w", i+1, err)
			}
			return target{}, fmt.Errorf("read URL of Redis: %w", err)
		}
		if i == 0 {
			all = t
		} else {
			all.addrs = append(all.addrs, t.addrs...)
		}
	}
	if err := all.settle(o); err != nil {
		return target{}, fmt.Errorf("read URL of Redis: %w", err)
	}
	return all, nil
}

// fits returns an error if another URL contradicts the first.
func (t *target) fits(o *target) error {
	switch {
	case t.network != "tcp" || o.network != "tcp":
		return errors.New("a socket is the way to one server; write a single URL")
	case t.sentinel || o.sentinel:
		return errors.New("write all Sentinels in one URL: redis+sentinel://host:26379,host:26379/master")
	case t.encrypted != o.encrypted:
		return errors.New("some are with TLS and some without; write rediss:// or redis:// in all")
	case t.username != o.username || t.password != o.password:
		return errors.New("user and password differ; write the same in all, or use the options username and password")
	case t.db != o.db:
		return errors.New("databases differ; write the same in all")
	}
	return nil
}

// settle applies the options to t and checks what comes of it.
func (t *target) settle(o *Options) error {
	switch {
	case t.sentinel && o.Cluster:
		return errors.New("a Cluster has no Sentinels; write redis:// URLs of its nodes")
	case t.sentinel && o.Master != "" && o.Master != t.master:
		return fmt.Errorf("the URL and the option master name different masters, %q and %q; leave the option out", t.master, o.Master)
	case o.Master != "" && t.network == "unix", o.Cluster && t.network == "unix":
		return errors.New("a socket is the way to one server; leave out cluster and master")
	case o.Cluster && t.db != 0:
		return errors.New("a Cluster has one database, 0; leave the number out")
	case len(t.addrs) > 1 && !o.Cluster && o.Master == "" && !t.sentinel:
		return errors.New("there are several servers; add the option cluster if they form one, or master <name> if they are Sentinels")
	case o.TLS != nil && !t.encrypted:
		return errors.New("TLS is configured for a server without; write rediss:// or rediss+sentinel://")
	}
	if o.Master != "" {
		t.sentinel, t.master = true, o.Master
	}
	if o.Username != "" {
		t.username = o.Username
	}
	if o.Password != "" {
		t.password = o.Password
	}
	if t.username != "" && t.password == "" {
		return errors.New("there is a user without a password; write redis://user:password@host:6379, or leave the user out")
	}
	return nil
}

// readURL reads one URL. Without a port, a host of redis:// has that of Sentinels if
// sentinels is set.
func readURL(text string, sentinels bool) (target, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return target{}, errors.New("it has no scheme; " + urlForms)
	}
	t := target{network: "tcp"}
	port := "6379"
	switch strings.ToLower(scheme) {
	case "redis":
	case "rediss":
		t.encrypted = true
	case "redis+sentinel":
		t.sentinel = true
	case "rediss+sentinel":
		t.sentinel, t.encrypted = true, true
	case "unix":
		return readSocket(rest)
	default:
		return target{}, errors.New("its scheme is unknown; " + urlForms)
	}
	if sentinels || t.sentinel {
		port = "26379"
	}
	if strings.ContainsAny(rest, "?#") {
		return target{}, errors.New("it has parameters; use the options of the store instead, and write ? and # in a password as %3F and %23")
	}
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if err := t.readUser(authority[:i]); err != nil {
			return target{}, err
		}
		authority = authority[i+1:]
	}
	hosts := strings.Split(authority, ",")
	if len(hosts) > 1 && !t.sentinel {
		return target{}, errors.New("it has several hosts; write a URL for each")
	}
	for _, host := range hosts {
		addr, err := readAddr(host, port)
		if err != nil {
			return target{}, err
		}
		t.addrs = append(t.addrs, addr)
	}
	if t.sentinel {
		t.master, path, _ = strings.Cut(path, "/")
		if t.master == "" {
			return target{}, errors.New("it does not name the master; write redis+sentinel://host:26379/master")
		}
	}
	return t, t.readDB(path)
}

// readSocket reads what follows unix://.
func readSocket(rest string) (target, error) {
	path, query, _ := strings.Cut(rest, "?")
	if !strings.HasPrefix(path, "/") {
		return target{}, errors.New("the path of the socket is not absolute; write unix:///path/to/socket")
	}
	t := target{network: "unix", addrs: []string{path}}
	if query == "" {
		return t, nil
	}
	db, ok := strings.CutPrefix(query, "db=")
	if !ok {
		return target{}, errors.New("the only parameter of a socket is the database; write unix:///path/to/socket?db=1")
	}
	return t, t.readDB(db)
}

func (t *target) readUser(text string) error {
	user, password, _ := strings.Cut(text, ":")
	var err, err2 error
	t.username, err = url.PathUnescape(user)
	t.password, err2 = url.PathUnescape(password)
	if err != nil || err2 != nil {
		return errors.New("user or password are not percent-encoded; write %25 for %")
	}
	return nil
}

func readAddr(text, port string) (string, error) {
	var host string
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", errors.New("a port is not a number from 1 to 65535; write redis://host:6379, and special characters in a password percent-encoded")
		}
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", errors.New("a host is not one; write redis://host:6379, and special characters in a password percent-encoded")
		}
	}
	if host == "" || strings.ContainsFunc(host, strange) {
		return "", errors.New("a host is missing; " + urlForms)
	}
	return net.JoinHostPort(host, port), nil
}

// readDB reads the number of a database, 0 if there is no text.
func (t *target) readDB(text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return errors.New("its database is not a number; write redis://host:6379/1")
	}
	t.db = int(n)
	return nil
}
