// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package cacheredis keeps responses in Redis, so that several gateways have them in
// common: in one server, a master that Sentinels watch, or a Cluster, from version 6.0.
//
// # Keys
//
// Keys begin with the prefix of the connection, say tollgate:cache, and a hash tag that
// names the cache and, in a Cluster, one of 64 buckets, into which entries fall by the first
// byte of their key:
//
//	tollgate:cache:{default:0}:e:<key>           head of an entry
//	tollgate:cache:{default:0}:p:<key>:<id>:<n>  further pieces of it
//	tollgate:cache:{default:0}:v                 version of the bucket
//	tollgate:cache:{default:0}:log               its last purges
//
// The head holds meta, tags and the first 256 KiB of the body, and every further piece
// 256 KiB. Pieces are written first, under an id that is made for each write, and the
// head at last, in one step; so nobody reads half an entry, or of two. Each answer is
// checked to be of the key and the write that was asked for. Pieces live for some seconds
// until their head is there, so that what was put by halves takes no memory for long.
//
// All keys have a time to live: what expires, the server forgets. The memory is bounded by
// the server (maxmemory with a policy that evicts); the time that an entry has is bounded
// by what was asked for alone.
//
// # Round trips
//
// To get an entry takes one round trip, and one more for each MiB of its body beyond the
// first 256 KiB. After a purge, each gateway takes one more to learn of it. To put takes
// one, and one for each MiB beyond.
//
// # Purges
//
// A purge is logged, and not carried out: it takes a round trip for each bucket, however
// much it is about. The version of a bucket grows with each purge. An entry is written
// with the version that there was, and who gets it gets the present version as well; if
// that is another one, the purges in between tell whether the entry is still there. So
// nobody sees it from the moment on that the purge has returned, on no gateway; its
// memory is free when it would have expired. Nobody knows how many there were.
//
// The last 256 purges are logged; an entry that is older than that is taken for purged, as
// it is if the version or the log is lost. A purge that cannot be logged in all buckets
// is an error. If Redis falls back to an older state, as by a failover before a replica
// has heard of the purge, the gateway that has made it makes it again, for an hour.
//
// # Without Redis
//
// Redis that does not answer is a miss: each round trip has the time that
// redisconn.Options.Timeout says, 25 ms by default, all of a Get 75 ms together and all of
// a Put 300 ms. While Redis is known to be down nobody asks, see package redisconn. The
// connection should be one of its own, with a prefix of its own: large bodies that take too
// long over a slow network would otherwise have limits take Redis to be down.
//
// An ACL user needs the commands +evalsha +eval +get +set +getrange +unlink +del +lrange
// +rpush +ltrim +pttl +pexpire for keys with the prefix, and those of package redisconn.
package cacheredis
