// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// command is one call of a script.
type command struct {
	script *script
	keys   []string
	argv   []string

	args   []any
	sent   *redis.StringCmd
	answer string
	err    error
}

// prepare makes the command for Redis. The arguments point to what they are, since
// that costs no allocations.
func (c *command) prepare(ctx context.Context, eval bool) redis.Cmder {
	c.args = c.args[:0]
	if eval {
		c.args = append(c.args, "eval", &c.script.source)
	} else {
		c.args = append(c.args, "evalsha", &c.script.sha)
	}
	c.args = append(c.args, len(c.keys))
	for i := range c.keys {
		c.args = append(c.args, &c.keys[i])
	}
	for i := range c.argv {
		c.args = append(c.args, &c.argv[i])
	}
	c.sent = redis.NewStringCmd(ctx, c.args...)
	return single{c.sent}
}

// single is a command that the client of a Cluster must not send again by itself:
// neither when it does not know what has become of it, nor because another one of the
// pipeline was to be tried again. It would count twice.
type single struct{ *redis.StringCmd }

// NoRetry implements redis.Cmder.
func (single) NoRetry() bool { return true }

// done takes the outcome.
func (c *command) done() {
	c.answer, c.err = c.sent.Result()
}

// admitted says that Redis has counted what it was asked about.
func (c *command) admitted() bool {
	return c.err == nil && c.answer != "" && (c.answer[0] == answerAdmitted || c.answer[0] == answerPlainly)
}

// unknown says that Redis does not have the script: it has restarted, or was told to
// forget its scripts.
func (c *command) unknown() bool {
	return c.err != nil && strings.HasPrefix(c.err.Error(), "NOSCRIPT")
}

// send calls scripts in one round trip, or two if Redis does not know one of them.
// It returns the first error.
func send(ctx context.Context, client redis.UniversalClient, cmds []*command) error {
	again := cmds
	for _, eval := range [...]bool{false, true} {
		if len(again) == 1 {
			_ = client.Process(ctx, again[0].prepare(ctx, eval)) // done has the error
		} else {
			p := client.Pipeline()
			for _, c := range again {
				_ = p.Process(ctx, c.prepare(ctx, eval)) // only queues
			}
			_, _ = p.Exec(ctx) // each command has its error
		}
		var rest []*command
		for _, c := range again {
			if c.done(); c.unknown() && !eval {
				rest = append(rest, c)
			}
		}
		if again = rest; len(again) == 0 {
			break
		}
	}
	for _, c := range cmds {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// flying is how many batches may be under way at once. With one, Redis and the
// gateway would wait for one another by turns.
const flying = 3

// maxBatch bounds the commands of a batch.
const maxBatch = 128

// line is where callers wait for Redis. Who comes while few are under way asks at
// once, alone. Others wait until one of those is back: then the first of them
// asks for all, in one pipeline. So nothing is delayed that could have been sent, and
// the busier it is, the less does each question cost.
type line struct {
	s  *Store
	mu sync.Mutex
	// out is how many batches are under way.
	out  int
	wait []*call
}

// call is a caller in the line.
type call struct {
	cmds  []*command
	err   error
	batch []*call       // set for who has to ask for others
	wake  chan struct{} // has one when asked, or when it has to ask
	many  []*command
}

var calls = sync.Pool{New: func() any { return &call{wake: make(chan struct{}, 1)} }}

func (l *line) init(s *Store) { l.s = s }

// errNotAsked is the error of a command that was not sent, so that it has surely
// had no effect.
var errNotAsked = errors.New("redis was not asked")

// ask sends the commands and waits for the answers, which take no longer than two
// times the time-out of Conn. It returns the first error of all that were sent
// together; each command has its own.
func (l *line) ask(cmds ...*command) error {
	for _, c := range cmds {
		c.err = errNotAsked
	}
	l.mu.Lock()
	if l.out < flying {
		l.out++
		l.mu.Unlock()
		err := l.fly(cmds)
		l.next(err)
		return err
	}
	c := calls.Get().(*call)
	c.cmds, c.err = cmds, nil
	l.wait = append(l.wait, c)
	l.mu.Unlock()
	<-c.wake
	if c.batch != nil {
		l.lead(c)
	}
	err := c.err
	c.cmds, c.batch = nil, nil
	calls.Put(c)
	return err
}

// lead asks for all callers of a batch, c being the first of them.
func (l *line) lead(c *call) {
	batch := c.batch
	c.many = c.many[:0]
	for _, o := range batch {
		c.many = append(c.many, o.cmds...)
	}
	err := l.fly(c.many)
	l.next(err)
	c.err = err
	for _, o := range batch[1:] {
		o.err = err
		o.wake <- struct{}{}
	}
	clear(c.many)
}

// next lets those who wait be asked for. If Redis did not answer they are not kept
// waiting for the same experience: nothing of theirs was sent.
func (l *line) next(err error) {
	l.mu.Lock()
	if len(l.wait) == 0 {
		l.out--
		l.mu.Unlock()
		return
	}
	batch := l.wait
	if err != nil && !l.s.conn.Up() {
		l.out--
		l.wait = nil
		l.mu.Unlock()
		for _, c := range batch {
			c.err = err
			c.wake <- struct{}{}
		}
		return
	}
	if len(batch) > maxBatch {
		l.wait = append([]*call(nil), batch[maxBatch:]...)
		batch = batch[:maxBatch]
	} else {
		l.wait = nil
	}
	l.mu.Unlock()
	batch[0].batch = batch
	batch[0].wake <- struct{}{}
}

// fly asks Redis.
func (l *line) fly(cmds []*command) error {
	l.s.stats.batches.Add(1)
	return l.s.conn.Do(context.Background(), func(ctx context.Context) error {
		return send(ctx, l.s.client, cmds)
	})
}
