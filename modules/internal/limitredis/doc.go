// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limitredis keeps the counters of limits in Redis, so that several gateways
// count together: in one server, a master that Sentinels watch, or a Cluster, from
// version 6.0.
//
// # Decisions
//
// A decision is one call of a Lua script, and so one round trip, whatever number of
// limits it is about. The script goes by the clock of Redis, decides about all limits
// in one step and writes nothing if it denies. Calls that come while others are under
// way are sent together in one pipeline: nothing waits that could have been sent.
//
// In a Cluster the keys of a decision may lie on several servers. Then there is one
// call for each level and subject, all sent at once. If one of them denies or fails
// what the others have counted is taken back before the decision returns. Nothing is
// ever admitted beyond a limit by that; but somebody else may be denied in the
// millisecond between, by a weight that is about to be taken back.
//
// Who was denied and asks the same again within half a second is denied from memory,
// unless the limit has changed or it is a hard one. A reset, or a reservation that
// others give back, is so seen half a second later at most.
//
// # Keys
//
// All keys begin with the prefix and a hash tag that names level and subject, or is a
// hash of both where they hold other than letters, digits and some punctuation:
//
//	tollgate:{plan:standard/consumer|alice}:c    all counters of alice at that level
//	tollgate:{plan:standard/consumer|alice}:r    what her requests in flight reserve
//	tollgate:{plan:standard/consumer|alice}:s:…  that one without reservations is settled
//	tollgate:limits:mark                         the epoch, see below
//
// The formats are described in the scripts. A fixed, calendar or bucket window takes
// 34 bytes of a value, a sliding one up to 278, or 522 if it counts money, but only as
// many parts as something was counted in lately. Keys expire ten seconds after
// the last of their windows has passed.
//
// An ACL user needs the commands +evalsha +eval +get +set +time +info +hget +hset +hsetnx
// +hdel +hgetall +pexpire +pttl for keys with the prefix; without +info a restart is told
// from none by the age of the mark alone.
//
// # Without Redis
//
// If Redis does not answer, requests are limited by a share: each gateway counts
// alone, up to the limit divided by the number of gateways that were seen last,
// rounded up, and from what was known to be used. A weight that is larger than the
// share but fits the limit fits the share if nothing else is counted. Decision.Degraded
// tells. What was so admitted is told to Redis when it is back. Gateways find it again
// one after the other, so that each goes on by its share for 1.2 s, until all have
// told. All gateways together admit at most their shares and what fits beside: the
// limit, rounded up, or the largest weight of each gateway. If Redis has lost its counts
// besides, windows begin anew: one more limit.
//
// A hard limit, which is money that is not soft, is never decided without Redis: the
// answer is limits.ErrUnavailable, as it is when a call has timed out. Whether that
// was counted is not known; it is taken back by its ID, even if it should arrive later.
//
// # Lost data
//
// A hard limit is not exceeded when Redis loses data, either: by a flush, by a restart
// without or with an old copy, by a failover to a replica that lacks the last writes.
// Each counter has a version that grows with each change, and each gateway remembers
// what it has last seen of the counters of hard limits (Options.Known, in memory: what
// was known to nobody but a gateway that crashed at the same time is lost). The script
// takes over what is newer. So that nobody decides before all have told what they know,
// a key marks the epoch; it expires within three seconds, is kept alive by the
// gateways, goes neither to replicas nor into the append-only file, and names the
// process that holds it. Scripts refuse to decide about hard limits where it is
// missing, another one than the gateway has met, or younger than a second.
//
// What remains: a server that is restarted within three seconds after it has written
// an RDB file while it was in use, and that a gateway reaches again before any of them
// looks at the mark, which is every 400 ms: it may then admit what others have
// admitted since that file was written. In a Cluster there is no mark, since a script
// sees the keys of one tag alone. There each gateway refuses for a second from when it
// notices that data may have been lost, which its heartbeat does every 250 ms: what
// others have admitted may be admitted once more in between by who has not noticed.
//
// # Settling
//
// Settle tells Redis in the background, in batches, again and again until Redis has
// understood or all windows have passed. It counts once, since it ends the reservation.
// Leases are renewed every ten seconds. Those of a gateway that has crashed end after
// limits.Lease: what they held is free, what they reserved is charged, and stays
// correctable by the journal (Options.Journal) until the window has passed.
//
// # Sync
//
// With Options.Sync each gateway decides by its own counts at once, and exchanges them
// with the others through Redis at that interval. Then a limit may be exceeded by what
// all other gateways admit within two intervals: one until they have told, and one until
// this one has learnt. Hard limits and what is held are decided by Redis nevertheless.
package limitredis
