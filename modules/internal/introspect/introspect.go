// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package introspect asks an OAuth 2.0 authorization server what a token is worth (RFC
// 7662), and remembers the answers for a short time, so that neither the server nor the
// requests suffer from it.
//
// Whatever is wrong with the server or its answer is an error, which is no answer: who asks
// must not accept the token then. Everything is bounded: how long a question takes, how
// many are open, how large an answer is, and what all remembered answers take.
package introspect

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults and bounds.
const (
	DefaultTimeout  = 2 * time.Second
	MaxTimeout      = 30 * time.Second
	DefaultCache    = 30 * time.Second
	MaxCache        = time.Hour
	DefaultNegative = 5 * time.Second
	MaxNegative     = time.Minute
	MaxStale        = time.Hour
	// MaxToken is how long a token may be, in bytes.
	MaxToken = 8 << 10
	// MaxAnswer is how large an answer may be, in bytes.
	MaxAnswer = 64 << 10
	// MaxOpen is how many questions may be open at once.
	MaxOpen = 64

	// cacheBytes is for good tokens, as much for others, and as much for those for which the
	// server takes the question for a bad one.
	cacheBytes = 16 << 20
	// restAfter failures in a row the server is left alone for a rest.
	restAfter = 3
	rest      = time.Second
)

var (
	// ErrUnavailable is that the server could not be asked, or has not answered in time.
	ErrUnavailable = errors.New("the authorization server cannot be asked")
	// ErrBusy is that too many questions are open.
	ErrBusy = errors.New("too many tokens are being asked about")
	// ErrAnswer is that the server has answered something that cannot be understood, or
	// an error.
	ErrAnswer = errors.New("the authorization server gives no answer that can be used")

	// errToken is an ErrAnswer that is about the token, and says nothing of the server.
	errToken = fmt.Errorf("%w: it takes the question for a bad one", ErrAnswer)
)

// Config says whom to ask and how.
type Config struct {
	// URL is the introspection endpoint: with https, or with http on a loopback host.
	// Redirects are not followed.
	URL string
	// ClientID and Secret are sent with HTTP Basic, or in the form if Post is set.
	ClientID, Secret string
	Post             bool
	// Timeout bounds one question. Default: DefaultTimeout.
	Timeout time.Duration
	// Cache is how long a good token is not asked about again, but never longer than it
	// is good for. Default: DefaultCache; negative: not at all.
	Cache time.Duration
	// Negative is the same for tokens that are worth nothing. Default: DefaultNegative;
	// negative: not at all.
	Negative time.Duration
	// Stale is how much longer an answer is used while the server cannot be asked.
	// Default: not at all.
	Stale time.Duration
	// Roots are who vouches for the server; nil: whom the system trusts.
	Roots *x509.CertPool
}

// Source is where an answer comes from.
type Source uint8

const (
	// Asked is that the server was asked, by this request or another one of the moment.
	Asked Source = iota
	// Cached is that it was asked before.
	Cached
	// Stale is that it was asked before, cannot be asked now, and that Config.Stale
	// permits the answer.
	Stale
)

// Client asks one endpoint. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
	now    func() time.Time
	open   chan struct{}

	active, inactive cache
	refused          cache // what errToken is about

	mu      sync.Mutex
	flights map[digest]*flight

	failures atomic.Int32
	restEnds atomic.Int64 // nanoseconds since the Unix epoch
}

// digest identifies a token without holding it.
type digest [sha256.Size]byte

// flight is a question that is open.
type flight struct {
	done   chan struct{}
	answer *Answer
	err    error
}

// New makes a client.
func New(c Config) (*Client, error) {
	if err := CheckURL(c.URL); err != nil {
		return nil, err
	}
	orDefault(&c.Timeout, DefaultTimeout)
	orDefault(&c.Cache, DefaultCache)
	orDefault(&c.Negative, DefaultNegative)
	if c.Timeout < 0 || c.Timeout > MaxTimeout || c.Cache > MaxCache || c.Negative > MaxNegative || c.Stale < 0 || c.Stale > MaxStale {
		return nil, errors.New("a duration is out of its bounds")
	}
	return &Client{
		config: c, now: time.Now, open: make(chan struct{}, MaxOpen), flights: make(map[digest]*flight),
		http: &http.Client{
			Timeout:       c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
				ForceAttemptHTTP2:      true,
				DisableCompression:     true,
				MaxIdleConnsPerHost:    16,
				MaxConnsPerHost:        MaxOpen,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: 16 << 10,
			},
		},
	}, nil
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// CheckURL says what is wrong with the URL of an endpoint.
func CheckURL(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("the endpoint is not a URL such as https://auth.example.com/introspect")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http" || !isLoopback(u.Hostname()):
		return errors.New("the endpoint is not a URL with https, and tokens are secrets; http is for loopback hosts alone")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Close ends connections that nobody uses. The client may be used all the same.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ask returns what the server says about a token. An error means that nobody can tell.
func (c *Client) Ask(ctx context.Context, token string) (*Answer, Source, error) {
	if !plausible(token) {
		return inactive, Cached, nil // no server has issued it
	}
	d := digest(sha256.Sum256([]byte(token)))
	now := c.now()
	kept, fresh := c.known(d, now)
	if fresh {
		return kept, Cached, nil
	}
	var answer *Answer
	err := errToken
	if !c.refuses(d, now) {
		answer, err = c.join(ctx, d, token)
	}
	if err != nil {
		if kept != nil && ctx.Err() == nil {
			return kept, Stale, nil
		}
		return nil, Asked, err
	}
	return answer, Asked, nil
}

// known returns what is remembered about a token, and whether that is fresh; what is
// neither fresh nor permitted as stale is not returned.
func (c *Client) known(d digest, now time.Time) (*Answer, bool) {
	for _, from := range [...]*cache{&c.active, &c.inactive} {
		if e, ok := from.get(d); ok && e.answer.goodAt(now) {
			switch {
			case now.Before(e.fresh):
				return e.answer, true
			case now.Before(e.fresh.Add(c.config.Stale)):
				return e.answer, false
			}
		}
	}
	return nil, false
}

// refuses says that the server has just taken a question about the token for a bad one.
func (c *Client) refuses(d digest, now time.Time) bool {
	e, ok := c.refused.get(d)
	return ok && now.Before(e.fresh)
}

// refuse remembers that. What was known of the token stays: it was not answered.
func (c *Client) refuse(d digest, now time.Time) {
	if c.config.Negative > 0 {
		c.refused.put(d, entry{inactive, now.Add(c.config.Negative)})
	}
}

// join asks the server, or waits for who is asking about the same token.
func (c *Client) join(ctx context.Context, d digest, token string) (*Answer, error) {
	c.mu.Lock()
	f := c.flights[d]
	if f == nil {
		if c.now().UnixNano() < c.restEnds.Load() {
			c.mu.Unlock()
			return nil, ErrUnavailable
		}
		select {
		case c.open <- struct{}{}:
		default:
			c.mu.Unlock()
			return nil, ErrBusy
		}
		f = &flight{done: make(chan struct{})}
		c.flights[d] = f
		// The client of this request may leave; others wait for the same answer.
		go c.fly(context.WithoutCancel(ctx), f, d, token)
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// fly asks the server, and remembers the answer.
func (c *Client) fly(ctx context.Context, f *flight, d digest, token string) {
	f.answer, f.err = c.ask(ctx, token)
	now := c.now()
	switch {
	case errors.Is(f.err, errToken):
		// About one token, which whoever sends it has chosen: others may be asked about.
		c.refuse(d, now)
	case f.err != nil:
		if c.failures.Add(1) >= restAfter {
			c.restEnds.Store(now.Add(rest).UnixNano())
		}
	default:
		c.failures.Store(0)
		c.remember(d, f.answer, now)
	}
	c.mu.Lock()
	delete(c.flights, d)
	c.mu.Unlock()
	<-c.open
	close(f.done)
}

// remember keeps an answer in place of the one before, which must not come back when the
// server cannot be asked any more: the token may have been revoked since.
func (c *Client) remember(d digest, a *Answer, now time.Time) {
	into, other, good := &c.active, &c.inactive, c.config.Cache
	if !a.Active {
		into, other, good = other, into, c.config.Negative
	}
	other.drop(d)
	if good > 0 {
		into.put(d, entry{a, now.Add(good)})
	}
}

// plausible says that text can be a token (RFC 6750, section 2.1).
func plausible(token string) bool {
	if token == "" || len(token) > MaxToken {
		return false
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
