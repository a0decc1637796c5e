// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// poolWait is how long to wait for one of the connections.
	poolWait = 10 * time.Millisecond
	// bufferSize is for each direction of a connection. Answers are short.
	bufferSize = 8 << 10
	// reloadSlots is how often it is asked which server of a Cluster has what.
	reloadSlots = 5 * time.Second
)

// quiet keeps the client from writing to stderr: a gateway tells once that Redis is
// down, not each time that it finds out.
var quiet = sync.OnceFunc(logging.Disable)

// client returns a client of t. It speaks RESP 2, since RESP 3 would only add looking
// for push messages before each answer, and says nothing to the server that it was
// not asked to say, but for AUTH and HELLO.
func client(t *target, o *Options, w *wires) redis.UniversalClient {
	quiet()
	d := dialer{timeout: o.DialTimeout}
	if t.encrypted {
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		if o.TLS != nil {
			d.tls = o.TLS.Clone()
		}
	}
	u := &redis.UniversalOptions{
		Addrs: t.addrs, DB: t.db, Protocol: 2,
		Username: t.username, Password: t.password,
		MasterName: t.master, SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		Dialer: d.dial, DialTimeout: o.DialTimeout, DialerRetries: 1,
		ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, ContextTimeoutEnabled: true,
		MaxRetries: -1, MinRetryBackoff: -1, MaxRetryBackoff: -1,
		PoolSize: o.PoolSize, PoolTimeout: poolWait, PipelinePoolSize: -1,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case o.Cluster:
		c := u.Cluster()
		// Keys say where commands go; nobody has to ask the server about commands.
		c.DisableRoutingPolicies = true
		c.ClusterStateReloadInterval = reloadSlots
		c.NewClient = func(o *redis.Options) *redis.Client {
			node := redis.NewClient(o)
			node.AddHook(w)
			node.AddHook(once{})
			return node
		}
		return redis.NewClusterClient(c)
	case t.sentinel:
		f := redis.NewFailoverClient(u.Failover())
		f.AddHook(w)
		return f
	default:
		simple := u.Simple()
		simple.Network = t.network
		simple.Addr = t.addrs[0]
		c := redis.NewClient(simple)
		c.AddHook(w)
		return c
	}
}

// dialer makes connections, with TLS if configured.
type dialer struct {
	timeout time.Duration
	tls     *tls.Config
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, network, addr)
	if err != nil || d.tls == nil {
		return conn, err
	}
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	encrypted := tls.Client(conn, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		return nil, err
	}
	return encrypted, nil
}

// once keeps the client of a Cluster from sending a command again when it does not
// know whether it was received: what counts would count twice.
type once struct{}

// DialHook implements redis.Hook.
func (once) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (once) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements redis.Hook.
func (once) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == redis.ErrClosed || answered(err) { //nolint:errorlint // The client compares it like that.
			return err
		}
		err = &lostError{err}
		cmd.SetErr(err)
		return err
	}
}

// lostError hides from the client what would make it try again.
type lostError struct{ err error }

// Error implements error.
func (e *lostError) Error() string { return e.err.Error() }
