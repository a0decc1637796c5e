// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

// Requests that pass without what was not the client's to say.
func cleanedRows() []rawRow {
	return []rawRow{
		{
			name: "Connection that names an identity header",
			raw:  get("/", "Connection: close, X-Consumer-Id"),
			want: "200", has: []string{"\nConnection: close\n"},
		},
		{
			name: "Connection that names credentials, on two lines",
			raw:  get("/", "Connection: Authorization", "connection: keep-alive,apikey , close"),
			want: "200", has: []string{"\nConnection: keep-alive, close\n"},
		},
		{
			name: "Connection that names headers only",
			raw:  get("/", "Connection: X-Forwarded-For, Content-Type"),
			want: "200", lacks: []string{"\nConnection"},
		},
		{
			name: "identity headers",
			raw:  get("/", "X-Consumer-Username: admin", "X-Credential-Identifier: key_0", "X-Anonymous-Consumer: true", "X-Authenticated-Groups: gold"),
			want: "200", lacks: []string{"x-consumer", "x-credential", "x-anonymous", "x-authenticated"},
		},
		{
			name: "identity headers twice",
			raw:  get("/", "X-Consumer-Groups: free", "X-Consumer-Groups: gold"),
			want: "200", lacks: []string{"groups"},
		},
		{
			name: "identity headers in other case and with other separators",
			raw:  get("/", "x-CONSUMER-groups: gold", "X_Consumer_Groups: gold", "X.Consumer.Groups: gold", "X-Consumer_Groups: gold"),
			want: "200", lacks: []string{"gold"},
		},
		{
			name: "upgrade to HTTP/2 in clear",
			raw:  get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAA"),
			want: "200", lacks: []string{"h2c", "settings", "\nConnection"},
		},
		{
			name: "upgrade of POST to websocket",
			raw:  post("", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"),
			want: "200", lacks: []string{"upgrade"},
		},
		{
			name: "upgrade to websocket or HTTP/2",
			raw:  get("/", "Connection: Upgrade", "Upgrade: h2c, websocket"),
			want: "200", has: []string{"\nConnection: Upgrade\n", "\nUpgrade: websocket\n"}, lacks: []string{"h2c"},
		},
		{
			name: "upgrade to websocket",
			raw:  get("/", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
			want: "200", has: []string{"\nConnection: keep-alive, Upgrade\n", "\nUpgrade: websocket\n"},
		},
		{
			name: "method overrides",
			raw:  post("", "X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "X-HTTP-Method: DELETE", "Content-Length: 0"),
			want: "200", has: []string{"passed POST "}, lacks: []string{"delete"},
		},
		{
			name: "path overrides",
			raw:  get("/", "X-Original-URL: /admin", "X-Rewrite-URL: /admin"),
			want: "200", lacks: []string{"admin"},
		},
		{
			name: "statements about the client from nobody we trust",
			raw:  get("/", "X-Real-IP: 10.0.0.1", "Forwarded: for=10.0.0.1", "True-Client-IP: 10.0.0.1", "CF-Connecting-IP: 10.0.0.1", "X-Forwarded-Uri: /10.0.0.1"),
			want: "200", lacks: []string{"10.0.0.1"},
		},
		{
			name: "expectation of 100-continue",
			raw:  post("hello", "Expect: 100-continue", "Content-Length: 5"),
			want: "100",
		},
	}
}

// Framing is checked by Go's server; these rows hold it to that.
func framingRows() []rawRow {
	return []rawRow{
		{
			// Chunks win, and the length is gone (RFC 9112 section 6.3).
			name: "length and chunks",
			raw:  post("5\r\nhello\r\n0\r\n\r\n", "Content-Length: 3", "Transfer-Encoding: chunked"),
			want: "200", has: []string{`body "hello"`}, lacks: []string{"content-length"},
		},
		{name: "two lengths", raw: post("hello", "Content-Length: 5", "Content-Length: 6"), want: "400"},
		{name: "length with a sign", raw: post("hello", "Content-Length: +5"), want: "400"},
		{name: "other transfer coding", raw: post("hello", "Transfer-Encoding: gzip, chunked"), want: "501"},
		{name: "transfer coding twice", raw: post("0\r\n\r\n", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"), want: "501"},
		{name: "plain chunks", raw: post("5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), want: "200", has: []string{`body "hello"`}},
		{
			name: "reserved trailers that were announced",
			raw: post("5\r\nhello\r\n0\r\nX-Consumer-Groups: gold\r\nAuthorization: Bearer demo\r\nDigest: abc\r\n\r\n",
				"Transfer-Encoding: chunked", "Trailer: X-Consumer-Groups, Authorization, Digest"),
			want: "200", has: []string{"trailer Digest: [abc]", `body "hello"`}, lacks: []string{"gold", "demo", "trailer x-", "trailer a"},
		},
		{
			name: "reserved trailers beside one that was announced",
			raw: post("5\r\nhello\r\n0\r\nx_consumer_groups: gold\r\nContent-Length: 99\r\nHost: evil.test\r\nDigest: abc\r\n\r\n",
				"Transfer-Encoding: chunked", "Trailer: Digest"),
			want: "200", has: []string{"trailer Digest: [abc]"}, lacks: []string{"gold", "99", "evil"},
		},
		{
			name: "trailers that nobody announced",
			raw:  post("5\r\nhello\r\n0\r\nX-Consumer-Groups: gold\r\n\r\n", "Transfer-Encoding: chunked"),
			want: "200", lacks: []string{"gold"},
		},
	}
}
