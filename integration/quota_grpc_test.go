// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"net"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A client of gRPC finds its limits in the metadata of answers, and a refusal as an
// error that it understands.
func TestQuotaOfGRPC(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	g := gateway(t, `{
	auto_https off
	servers {
		protocols h1 h2c
	}
	gateway {
		store embedded memory
	}
}
http://127.0.0.1:{{PORT}} {
	quota {
		requests 6/min
		by ip
		headers kong
	}
	reverse_proxy h2c://{{UPSTREAM}}
}
`, with("UPSTREAM", listener.Addr().String()))

	connection, err := grpc.NewClient(g.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	client := grpc_health_v1.NewHealthClient(connection)
	for i := range 7 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		var header, trailer metadata.MD
		_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
		cancel()
		if i < 6 {
			if err != nil || !slices.Equal(header["x-ratelimit-remaining-minute"], []string{strconv.Itoa(5 - i)}) {
				t.Errorf("call %d: %v, %v", i+1, err, header)
			}
			continue
		}
		all := metadata.Join(header, trailer)
		if status.Code(err) != codes.ResourceExhausted || len(all["retry-after"]) != 1 || all["x-ratelimit-remaining-minute"][0] != "0" {
			t.Errorf("call %d: %v, %v", i+1, err, all)
		}
	}
}
