// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// pulseScript is a beat at one master. It makes the mark, unless that is there and of
// this process, and the instance known, and forgets instances that are long gone. It
// writes both in any case, so that it fails where nothing can be written. The mark
// lasts a day without gateways.
//
// Instances that seem to come from the future were heard of before the clock was set
// back.
var pulseScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local run = 'unknown'
local info = redis.pcall('INFO', 'server')
if type(info) == 'string' then
	run = string.match(info, 'run_id:(%w+)') or run
end
local mark = redis.call('GET', KEYS[1])
if not mark or string.match(mark, '^[^:]*') ~= run then
	mark = run .. ':' .. t[1] .. '.' .. t[2]
end
redis.call('SET', KEYS[1], mark, 'PX', 86400000)
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60000)
redis.call('PEXPIRE', KEYS[2], 86400000)
return {mark, redis.call('ZCOUNT', KEYS[2], now - 3000, now)}
`)

// pulse is what a beat has found out.
type pulse struct {
	mark      string
	instances int64
}

// pulse asks Redis, all masters of it.
func (c *Conn) pulse(ctx context.Context) (pulse, error) {
	cluster, ok := c.client.(*redis.ClusterClient)
	if !ok {
		return c.pulseAt(ctx, "")
	}
	tags, err := masterTags(ctx, cluster)
	if err != nil {
		return pulse{}, err
	}
	var (
		each  sync.WaitGroup
		marks = make([]pulse, len(tags))
		errs  = make([]error, len(tags))
	)
	for i, tag := range tags {
		each.Go(func() { marks[i], errs[i] = c.pulseAt(ctx, tag) })
	}
	each.Wait()
	if err := errors.Join(errs...); err != nil {
		return pulse{}, err
	}
	slices.SortFunc(marks, func(a, b pulse) int { return cmp.Compare(a.mark, b.mark) })
	var all pulse
	for _, p := range marks {
		all.mark += p.mark + "\n"
		all.instances = max(all.instances, p.instances)
	}
	return all, nil
}

// pulseAt asks the master that has the slot of a tag.
func (c *Conn) pulseAt(ctx context.Context, tag string) (pulse, error) {
	v, err := pulseScript.Run(ctx, c.client, []string{c.key("epoch", tag), c.key("instances", tag)}, c.o.Instance).Slice()
	if err != nil {
		return pulse{}, err
	}
	mark, ok1 := v[0].(string)
	n, ok2 := v[len(v)-1].(int64)
	if !ok1 || !ok2 {
		return pulse{}, fmt.Errorf("heartbeat: strange answer %v", v)
	}
	return pulse{mark, n}, nil
}

func (c *Conn) key(name, tag string) string {
	if tag == "" {
		return c.o.Prefix + ":" + name
	}
	return c.o.Prefix + ":" + name + ":{" + tag + "}"
}

// leave makes the other gateways forget this one.
func (c *Conn) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*c.o.Timeout)
	defer cancel()
	tags := []string{""}
	if cluster, ok := c.client.(*redis.ClusterClient); ok {
		var err error
		if tags, err = masterTags(ctx, cluster); err != nil {
			return // they will notice within three seconds
		}
	}
	for _, tag := range tags {
		_ = c.client.ZRem(ctx, c.key("instances", tag), c.o.Instance).Err() // as above
	}
}

// masterTags returns a tag for each master: one of its first slot. All masters have to
// answer.
func masterTags(ctx context.Context, cluster *redis.ClusterClient) ([]string, error) {
	var (
		mu    sync.Mutex
		slots []redis.ClusterSlot
	)
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		s, err := master.ClusterSlots(ctx).Result() //nolint:staticcheck // Before version 7 there are no shards.
		if err != nil {
			return fmt.Errorf("%s: %w", master.Options().Addr, err)
		}
		mu.Lock()
		slots = s
		mu.Unlock()
		return nil
	})
	if err != nil {
		return nil, err
	}
	first := map[string]int{}
	for _, s := range slots {
		if len(s.Nodes) == 0 {
			continue
		}
		master := s.Nodes[0].ID + s.Nodes[0].Addr
		if at, ok := first[master]; !ok || s.Start < at {
			first[master] = s.Start
		}
	}
	if len(first) == 0 {
		return nil, errors.New("the Cluster has no slots; is the server one of a Cluster?")
	}
	tags := make([]string, 0, len(first))
	for _, slot := range first {
		tags = append(tags, tagOf(slot))
	}
	slices.Sort(tags)
	return tags, nil
}

// tagsBySlot remembers tags, which take a while to find.
var tagsBySlot sync.Map

// tagOf returns a tag whose keys are in a slot.
func tagOf(slot int) string {
	if tag, ok := tagsBySlot.Load(slot); ok {
		return tag.(string)
	}
	for n := 0; ; n++ {
		if tag := strconv.Itoa(n); Slot(tag) == slot {
			tagsBySlot.Store(slot, tag)
			return tag
		}
	}
}

// Slot returns the slot of a key in a Cluster: the CRC-16 (XMODEM) of what is in its
// first braces, or of all of it, modulo 16384, as the Redis Cluster specification
// has it.
func Slot(key string) int {
	if _, rest, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(rest, "}"); ok && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % 16384)
}
