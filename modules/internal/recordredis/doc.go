// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package recordredis keeps small records in Redis, so that several gateways have them in
// common: in one server, a master that Sentinels watch, or a Cluster, from version 6.0.
//
// # Keys
//
// All keys are in one slot of a Cluster, since records are few and every change is one
// step. With the prefix tollgate they are
//
//	tollgate:{records}:r:<key>   a record, which the server forgets when it expires
//	tollgate:{records}:names     keys of all records, sorted
//	tollgate:{records}:expiry    keys of those that expire, by when they do
//
// What has expired is in the last two until something is written. To read one record takes
// a plain GET, to change one a script, to list them one round trip for each 256.
//
// # What can be lost
//
// A change is done when the master has it. A master that is lost before its replicas have
// heard of the change takes that along, so that for a moment a failover may bring back a
// ticket that was used, or forget a revocation. A server that keeps nothing on disk loses
// everything with a restart: for records set appendonly yes, and appendfsync always where
// not even a second may be lost. The policy of maxmemory must be noeviction or one of
// those for keys that expire (volatile-*) that have others to choose from.
//
// A change of which the answer did not come in time is reported as not available, and may
// have been made.
//
// An ACL user needs the commands +evalsha +eval +get +set +del +exists +pttl +time and +@sortedset
// for keys with the prefix, and those of package redisconn.
package recordredis
