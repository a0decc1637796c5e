// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"
)

// heard is what a service answers: what it was asked.
type heard struct {
	Service  string `json:"service"`
	Path     string `json:"path"`
	Consumer string `json:"consumer"`
	Body     string `json:"body"`
}

// startService is an HTTP server of the two systems, behind a gateway. It returns its
// address.
func startService(name string) (address string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echo(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		if len(body) > 2000 {
			body = body[:2000]
		}
		if r.URL.Query().Has("slow") {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond): // a service that computes
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(heard{name, r.URL.RequestURI(), r.Header.Get("X-Consumer-Username"), string(body)})
	})}
	go func() { _ = server.Serve(l) }()
	return l.Addr().String(), func() { _ = server.Close() }, nil
}
