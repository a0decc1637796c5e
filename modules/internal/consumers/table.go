// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"crypto/subtle"
	"iter"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// Table finds consumers by the digest of a key and by name. Build makes one. It
// is immutable and safe for concurrent use; the zero value holds nobody.
type Table struct {
	consumers   []Consumer
	credentials []Credential // grouped by consumer, in the order of consumers
	byDigest    map[apikey.Digest]uint32
	byName      map[string]uint32
	byCustomID  func() map[string]uint32 // made when somebody first asks: few do
	jwts        map[string]*JWT          // by the names of the credentials; nil if there are none
	clients     map[string]*Client
}

// absent stands in for the stored digest of an unknown key.
var absent apikey.Digest

// Lookup returns the credential of the key with digest d, or nil if there is
// none. Whether the key is active now is the caller's question.
//
// The time taken tells nothing useful about stored keys: what is searched for
// is a SHA-256 digest, whose bits a caller cannot steer towards a stored one,
// and the comparison that decides takes the same time for known and unknown
// keys. Lookup does not allocate.
func (t *Table) Lookup(d apikey.Digest) *Credential {
	stored, found := &absent, 0
	var credential *Credential
	if i, ok := t.byDigest[d]; ok {
		credential = &t.credentials[i]
		stored, found = &credential.digest, 1
	}
	if subtle.ConstantTimeCompare(d[:], stored[:])&found != 1 {
		return nil
	}
	return credential
}

// Consumer returns the consumer called name, or nil if there is none. A custom
// id is not a name.
func (t *Table) Consumer(name string) *Consumer {
	i, ok := t.byName[name]
	if !ok {
		return nil
	}
	return &t.consumers[i]
}

// Anonymous returns keyless access as the consumer called name, or nil if there
// is no such consumer. It is always active and has the consumer's own groups,
// tags, plans and models. It allocates, so callers keep the result.
func (t *Table) Anonymous(name string) *Credential {
	c := t.Consumer(name)
	if c == nil {
		return nil
	}
	return c.Keyless("")
}

// Keyless returns access as the consumer by something else than a key of the table, such
// as a token. id names it in logs and records, so it must come from a bounded set, and is
// no secret. It is always active and has the consumer's own groups, tags, plans and models.
// It allocates, so callers keep the result.
func (c *Consumer) Keyless(id string) *Credential {
	return &Credential{Consumer: c, ID: id, Groups: c.Groups, Tags: c.Tags, Plans: c.Plans, TagSet: tagSet(c.Tags)}
}

// Access returns the credential with an identifier that is no key: that of who signs tokens
// with a JWT credential, or of an OAuth client; nil if there is none.
func (t *Table) Access(id string) *Credential {
	if name, ok := strings.CutPrefix(id, jwtPrefix); ok {
		if j := t.jwts[name]; j != nil {
			return j.Credential
		}
	}
	if name, ok := strings.CutPrefix(id, clientPrefix); ok {
		if c := t.clients[name]; c != nil {
			return c.Credential
		}
	}
	return nil
}

// ConsumerWithCustomID returns the consumer that has a custom id, or nil if there is none.
func (t *Table) ConsumerWithCustomID(id string) *Consumer {
	if t.byCustomID == nil || id == "" {
		return nil
	}
	i, ok := t.byCustomID()[id]
	if !ok {
		return nil
	}
	return &t.consumers[i]
}

// Len returns the number of consumers.
func (t *Table) Len() int { return len(t.consumers) }

// Keys returns the number of keys of all consumers together.
func (t *Table) Keys() int { return len(t.credentials) }

// All yields the consumers in the order in which they were given to Build.
func (t *Table) All() iter.Seq[*Consumer] {
	return func(yield func(*Consumer) bool) {
		for i := range t.consumers {
			if !yield(&t.consumers[i]) {
				return
			}
		}
	}
}

// indexCustomIDs finds consumers by custom id.
func (t *Table) indexCustomIDs() map[string]uint32 {
	index := make(map[string]uint32)
	for i := range t.consumers {
		if id := t.consumers[i].CustomID; id != "" {
			index[id] = uint32(i) //nolint:gosec // No more consumers than fit in memory.
		}
	}
	return index
}
