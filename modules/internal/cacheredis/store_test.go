// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/caching/cachingtest"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// connect returns a connection that lives as long as the test.
func connect(t testing.TB, o redisconn.Options) *redisconn.Conn {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second // the machine of the tests may be busy
		o.DialTimeout = o.Timeout
	}
	c, err := redisconn.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// prefixes makes each test its own keys.
var prefixes atomic.Int64

func opener(t *testing.T, urls []string, cluster bool) cachingtest.Opener {
	t.Helper()
	var prefix string
	stores := func(t testing.TB, n int, o caching.Options) (all []caching.Store) {
		t.Helper()
		for range n {
			conn := connect(t, redisconn.Options{URLs: urls, Cluster: cluster, Prefix: prefix})
			all = append(all, New(Options{Conn: conn, Cache: o, Patience: 20 * time.Second}))
		}
		return all
	}
	admin := connect(t, redisconn.Options{URLs: urls, Cluster: cluster, Prefix: "admin"}).Client()
	rounds := 400
	if testing.Short() {
		rounds = 120
	}
	return cachingtest.Opener{
		Open: func(t testing.TB, o caching.Options) caching.Store {
			t.Helper()
			prefix = "t" + strconv.FormatInt(prefixes.Add(1), 10)
			return stores(t, 1, o)[0]
		},
		Several: func(t testing.TB, n int, o caching.Options) []caching.Store {
			t.Helper()
			prefix = "t" + strconv.FormatInt(prefixes.Add(1), 10)
			return stores(t, n, o)
		},
		Advance: func(t testing.TB, d time.Duration) { t.Helper(); age(t, admin, prefix, d) },
		Rounds:  rounds,
	}
}

// keysOf calls f with each key that begins with a prefix, at the server that has it.
func keysOf(t testing.TB, client redis.UniversalClient, prefix string, f func(ctx context.Context, c *redis.Client, key string) error) {
	t.Helper()
	each := func(ctx context.Context, c *redis.Client) error {
		keys, err := c.Keys(ctx, prefix+":{*").Result()
		for _, key := range keys {
			if err := f(ctx, c, key); err != nil {
				return err
			}
		}
		return err
	}
	var err error
	switch c := client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(t.Context(), each)
	case *redis.Client:
		err = each(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// age makes keys older.
func age(t testing.TB, client redis.UniversalClient, prefix string, d time.Duration) {
	t.Helper()
	keysOf(t, client, prefix, func(ctx context.Context, c *redis.Client, key string) error {
		left, err := c.PTTL(ctx, key).Result()
		if err != nil {
			return err
		}
		if left < 0 {
			return fmt.Errorf("%q never expires", key)
		}
		return c.PExpire(ctx, key, left-d).Err()
	})
}

func TestConformance(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	cachingtest.Run(t, opener(t, []string{r.URL()}, false))
}

func TestConformanceInACluster(t *testing.T) {
	t.Parallel()
	// A busy machine is not what is tested: nodes may be silent for longer than usual.
	c := redistest.StartCluster(t, false, "--cluster-node-timeout", "20000")
	o := opener(t, c.URLs(), true)
	o.Rounds /= 2
	cachingtest.Run(t, o)
}

// start returns a store of a server with the time-outs of a test machine.
func start(t *testing.T, r *redistest.Server, o caching.Options) *Store {
	t.Helper()
	return New(Options{Conn: connect(t, redisconn.Options{URLs: []string{r.URL()}}), Cache: o, Patience: 20 * time.Second})
}

func entry(body string, tags ...string) *caching.Entry {
	return &caching.Entry{Meta: []byte("meta"), Body: [][]byte{[]byte(body)}, Tags: tags, Expires: time.Now().Add(time.Hour)}
}

func put(t *testing.T, s *Store, k caching.Key, e *caching.Entry) {
	t.Helper()
	if o, err := s.Put(t.Context(), k, e, caching.Mark{}); err != nil || o != caching.Stored {
		t.Fatalf("Put() = %v, %v", o, err)
	}
}

func present(t *testing.T, s *Store, k caching.Key, want bool) {
	t.Helper()
	e, err := s.Get(t.Context(), k)
	if err != nil || (e != nil) != want {
		t.Fatalf("Get() = %v, %v, want an entry: %t", e != nil, err, want)
	}
}

// TestNothingStays checks that every key expires, and that pieces go with their entry.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := start(t, r, caching.Options{Name: "n"})
	count := func() (pieces int) {
		t.Helper()
		keysOf(t, s.client, s.conn.Prefix(), func(ctx context.Context, c *redis.Client, key string) error {
			if strings.Contains(key, "}:p:") {
				pieces++
			}
			left, err := c.PTTL(ctx, key).Result()
			if left <= 0 || left > 49*time.Hour {
				t.Errorf("%q lives for %v", key, left)
			}
			return err
		})
		return pieces
	}
	k := caching.Key{1}
	large := strings.Repeat("x", 5*pieceSize+1)
	put(t, s, k, entry(large))
	if n := count(); n != 5 {
		t.Errorf("%d pieces, want 5", n)
	}
	put(t, s, k, entry(large[:2*pieceSize]))
	if n := count(); n != 1 {
		t.Errorf("%d pieces after another entry, want 1", n)
	}
	if err := s.Delete(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d pieces after it was deleted", n)
	}
	_, _ = s.Purge(t.Context(), "a")
	count()
}

// TestPiecesWithoutAHead puts by halves, and what is refused: the pieces that were sent go
// soon, however long the entry was to live.
func TestPiecesWithoutAHead(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := start(t, r, caching.Options{Name: "n"})
	k := caching.Key{1}
	present(t, s, k, false)
	put(t, s, k, entry("there is a version now"))
	foreign := caching.Mark{Epoch: 12345}
	if o, err := s.Put(t.Context(), k, entry(strings.Repeat("x", 3*pieceSize)), foreign); o != caching.Outdated || err != nil {
		t.Fatalf("Put() = %v, %v", o, err)
	}
	b := s.bucket(k)
	if err := s.send(t.Context(), b.piecesOf(k), "0123456789abcdef", [][]byte{[]byte("piece")}, putPatience*s.patience+tailLife); err != nil {
		t.Fatal(err)
	}
	pieces := 0
	keysOf(t, s.client, s.conn.Prefix(), func(ctx context.Context, c *redis.Client, key string) error {
		left, err := c.PTTL(ctx, key).Result()
		if strings.Contains(key, "}:p:") {
			if pieces++; left > putPatience*s.patience+tailLife {
				t.Errorf("a piece that nobody can find lives for %v", left)
			}
		}
		return err
	})
	if pieces != 3 {
		t.Errorf("%d pieces, want 3", pieces)
	}
	// With a head they live as long as it does.
	put(t, s, k, entry(strings.Repeat("x", 2*pieceSize)))
	long := 0
	keysOf(t, s.client, s.conn.Prefix(), func(ctx context.Context, c *redis.Client, key string) error {
		left, err := c.PTTL(ctx, key).Result()
		if strings.Contains(key, "}:p:") && left > time.Hour {
			long++
		}
		return err
	})
	if long != 1 {
		t.Errorf("%d pieces live as long as their head, want 1", long)
	}
}

// TestPieceEvictedWhileItIsPut has Redis evict a piece before the head is there.
func TestPieceEvictedWhileItIsPut(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := start(t, r, caching.Options{Name: "n"})
	k := caching.Key{1}
	e := entry(strings.Repeat("x", 2*pieceSize))
	calls := 0
	s.now = func() time.Time {
		if calls++; calls == 2 { // between the pieces and the head
			keysOf(t, s.client, s.conn.Prefix(), func(ctx context.Context, c *redis.Client, key string) error {
				if !strings.Contains(key, "}:p:") {
					return nil
				}
				return c.Del(ctx, key).Err()
			})
		}
		return time.Now()
	}
	if o, err := s.Put(t.Context(), k, e, caching.Mark{}); o != caching.Outdated || err != nil {
		t.Errorf("Put() = %v, %v", o, err)
	}
	present(t, s, k, false)
}

// TestAnEntryDoesNotOutliveItsTime has sending take time of which the entry has little.
func TestAnEntryDoesNotOutliveItsTime(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := start(t, r, caching.Options{Name: "n"})
	k := caching.Key{1}
	late := time.Duration(0)
	s.now = func() time.Time {
		now := time.Now().Add(late)
		late += time.Minute // which the pieces take
		return now
	}
	e := entry(strings.Repeat("x", 2*pieceSize))
	e.Expires = time.Now().Add(90 * time.Second)
	put(t, s, k, e)
	if left := r.Do("PTTL", s.bucket(k).headOf(k)).(int64); left > 30_000 {
		t.Errorf("it lives for another %d ms, want 30 s at most", left)
	}
	late, e = 0, entry(strings.Repeat("y", 2*pieceSize))
	e.Expires = time.Now().Add(30 * time.Second)
	if o, err := s.Put(t.Context(), k, e, caching.Mark{}); o != caching.Outdated || err != nil {
		t.Errorf("Put() = %v, %v of what has expired meanwhile", o, err)
	}
}

// TestTornEntriesAreMisses takes away, alters and exchanges what is in Redis.
func TestTornEntriesAreMisses(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := start(t, r, caching.Options{Name: "n"})
	large := strings.Repeat("x", 3*pieceSize)
	for name, tear := range map[string]func(heads, pieces []string){
		"head gone":          func(heads, _ []string) { r.Do("DEL", heads[0]) },
		"piece gone":         func(_, pieces []string) { r.Do("DEL", pieces[0]) },
		"piece of another":   func(_, pieces []string) { r.Do("COPY", pieces[1], pieces[0], "REPLACE") },
		"piece cut":          func(_, pieces []string) { r.Do("SET", pieces[0], r.Do("GETRANGE", pieces[0], "0", "1000").(string)) },
		"piece empty":        func(_, pieces []string) { r.Do("SET", pieces[0], "") },
		"version gone":       func(_, _ []string) { r.Do("DEL", s.buckets[0].version) },
		"version of another": func(_, _ []string) { r.Do("SET", s.buckets[0].version, strings.Repeat("y", versionSize)) },
		"strange version":    func(_, _ []string) { r.Do("SET", s.buckets[0].version, "y") },
		"log gone": func(_, _ []string) {
			_, _ = s.Purge(t.Context(), "no such tag")
			r.Do("DEL", s.buckets[0].log)
		},
		"strange log": func(_, _ []string) {
			_, _ = s.Purge(t.Context(), "no such tag")
			r.Do("LSET", s.buckets[0].log, "0", "y")
		},
	} {
		r.Do("FLUSHALL")
		k := caching.Key{2}
		put(t, s, k, entry(large))
		present(t, s, k, true)
		var heads, pieces []string
		keysOf(t, s.client, s.conn.Prefix(), func(_ context.Context, _ *redis.Client, key string) error {
			if strings.Contains(key, "}:p:") {
				pieces = append(pieces, key)
			} else if strings.Contains(key, "}:e:") {
				heads = append(heads, key)
			}
			return nil
		})
		tear(heads, pieces)
		if e, err := s.Get(t.Context(), k); e != nil || err != nil {
			t.Errorf("%s: Get() = %v, %v", name, e != nil, err)
		}
	}
	// Answers that are not those that were asked for.
	r.Do("FLUSHALL")
	put(t, s, caching.Key{3}, entry("of three"))
	b := s.buckets[0]
	r.Do("COPY", b.headOf(caching.Key{3}), b.headOf(caching.Key{4}))
	if e, err := s.Get(t.Context(), caching.Key{4}); e != nil || err == nil {
		t.Errorf("Get() = %v, %v of an entry of another key", e != nil, err)
	}
	r.Do("SET", b.headOf(caching.Key{5}), "y")
	if e, err := s.Get(t.Context(), caching.Key{5}); e != nil || err == nil {
		t.Errorf("Get() = %v, %v of what is no entry", e != nil, err)
	}
}

// TestPurgesOfTheForgottenPast has Redis fall back to before a purge: the gateway that has
// made it makes it again, and another one does not take a later purge for it.
func TestPurgesOfTheForgottenPast(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	a, b := start(t, r, caching.Options{Name: "n"}), start(t, r, caching.Options{Name: "n"})
	k, l := caching.Key{1}, caching.Key{2}
	put(t, a, k, entry("k", "x"))
	put(t, a, l, entry("l", "y"))
	put(t, a, caching.Key{3}, entry("other", "z"))
	bucket := a.buckets[0]
	// The purge is known to b, and then lost.
	before := r.Do("GET", bucket.version).(string)
	if _, err := a.Purge(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	present(t, b, k, false)
	r.Do("SET", bucket.version, before, "PX", "1000000")
	r.Do("DEL", bucket.log)
	present(t, b, k, true) // nobody knows yet
	if _, err := b.Purge(t.Context(), "y"); err != nil {
		t.Fatal(err)
	}
	present(t, b, l, false)
	present(t, a, l, false)
	present(t, a, caching.Key{3}, true)
	a.tellAgain()
	present(t, b, k, false)
	present(t, a, caching.Key{3}, true)
	// What is known to Redis is not told twice.
	put(t, a, k, entry("k", "x"))
	n := r.Do("LLEN", bucket.log)
	a.tellAgain()
	present(t, b, k, true)
	if got := r.Do("LLEN", bucket.log); got != n {
		t.Errorf("%v purges are logged instead of %v", got, n)
	}
}

// TestMarksOfTheForgottenPast has Redis fall back to before a purge, and the gateway that
// has made it be gone: what another one puts is kept again, and not what was asked for
// before purges that it cannot know.
func TestMarksOfTheForgottenPast(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	a, b := start(t, r, caching.Options{Name: "n"}), start(t, r, caching.Options{Name: "n"})
	k, l := caching.Key{1}, caching.Key{2}
	put(t, b, k, entry("k", "x"))
	bucket := a.buckets[0]
	before := r.Do("GET", bucket.version).(string)
	for range 3 {
		if _, err := a.Purge(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	present(t, b, k, false)
	mark := b.Mark(l)
	_ = a.Close()
	r.Do("SET", bucket.version, before, "PX", "1000000")
	r.Do("DEL", bucket.log)
	// Nobody could tell these purges from those that the mark is of.
	if o, err := b.Put(t.Context(), l, entry("l", "y"), mark); o != caching.Outdated || err != nil {
		t.Errorf("Put() = %v, %v with a mark that Redis does not know", o, err)
	}
	for range 3 {
		if _, err := start(t, r, caching.Options{Name: "n"}).Purge(t.Context(), "y"); err != nil {
			t.Fatal(err)
		}
	}
	present(t, b, l, false)
	// And the other way round: marks do not stay in a future that never came.
	r.Do("SET", bucket.version, before, "PX", "1000000")
	r.Do("DEL", bucket.log)
	b.tellAgain()
	present(t, b, l, false)
	if o, err := b.Put(t.Context(), l, entry("l", "y"), b.Mark(l)); o != caching.Stored || err != nil {
		t.Errorf("Put() = %v, %v", o, err)
	}
	present(t, b, l, true)
}

func TestNamesInKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{"", "default", "a b", "a{b}", "a}b", "a:0", strings.Repeat("x", 65), strings.Repeat("x", 66), "#1"} {
		p := plain(name)
		if strings.ContainsAny(p, "{}: ") || len(p) > maxPlain || p == "" {
			t.Errorf("%q stands in keys as %q", name, p)
		}
		if other, ok := seen[p]; ok {
			t.Errorf("%q and %q have the same keys", name, other)
		}
		seen[p] = name
	}
}
