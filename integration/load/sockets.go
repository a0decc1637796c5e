// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// appOrigin is the origin whose pages the examples admit.
const appOrigin = "https://app.example.com"

// frames is how many go to and fro in a WebSocket before it is closed.
const frames = 20

// echo says back what comes through a WebSocket.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // the gateway looks at origins
	if err != nil {
		return // the answer says why
	}
	defer c.CloseNow() //nolint:errcheck // It is closed, or broken.
	for {
		sort, frame, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), sort, frame) != nil {
			return
		}
	}
}

// opens checks that the ticket in an answer opens a WebSocket, once.
func opens(ctx context.Context, url string) func(string, string) string {
	ctx = context.WithoutCancel(ctx)
	dial := func(ctx context.Context, ticket string) (*websocket.Conn, error) {
		c, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/api/ws?ticket="+ticket, //nolint:bodyclose // The package does it.
			&websocket.DialOptions{HTTPHeader: http.Header{"Origin": {appOrigin}}})
		return c, err
	}
	return func(_, answer string) string {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var got struct{ Ticket string }
		if err := json.Unmarshal([]byte(answer), &got); err != nil || got.Ticket == "" {
			return "there is no ticket"
		}
		c, err := dial(ctx, got.Ticket)
		if err != nil {
			return "the ticket does not open a WebSocket"
		}
		defer c.CloseNow() //nolint:errcheck // The same.
		for i := range frames {
			text := fmt.Sprint("frame ", i)
			if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
				return "the WebSocket breaks off"
			}
			if _, frame, err := c.Read(ctx); err != nil || string(frame) != text {
				return "the WebSocket breaks off, or says something else"
			}
		}
		if again, err := dial(ctx, got.Ticket); err == nil {
			_ = again.CloseNow()
			return "a ticket opens two WebSockets"
		}
		return ""
	}
}
