// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// noKey is the digest of the empty text, which a placeholder without a value
// resolves to.
var noKey = apikey.Hash("")

// key checks one key of s and adds it to the table.
func (b *builder) key(c *Consumer, s *Spec, k *KeySpec) {
	digest, ok := b.digest(c, k.Key)
	notBefore, until := b.validity(k)
	b.labels("tag", k.Tags)
	b.labels("group", k.Groups)
	b.models(k.Models)
	for _, g := range k.Groups {
		if !slices.Contains(s.Groups, g) {
			b.refuse("group %s is none of the consumer's and would widen its access", quote(g))
		}
	}
	if !ok {
		return
	}
	credential := Credential{
		Consumer:  c,
		ID:        digest.ID(),
		Groups:    c.Groups,
		Tags:      c.Tags,
		Plans:     c.Plans,
		models:    b.intern.modelList(k.Models),
		notBefore: notBefore,
		until:     until,
		digest:    digest,
	}
	if len(k.Groups) > 0 {
		credential.Groups = b.intern.list(k.Groups)
		credential.Plans = b.effectivePlans(s.Plan, k.Groups)
	}
	if len(k.Tags) > 0 {
		credential.Tags = b.intern.list(k.Tags)
	}
	credential.TagSet = b.intern.set(credential.Tags)
	b.table.byDigest[digest] = uint32(len(b.table.credentials)) //nolint:gosec // No more keys than fit in memory.
	b.table.credentials = append(b.table.credentials, credential)
}

// digest resolves the text of a key and checks that nobody else uses the key.
func (b *builder) digest(c *Consumer, literal string) (apikey.Digest, bool) {
	var none apikey.Digest
	if literal == "" {
		b.refuse("the key is empty")
		return none, false
	}
	digest, err := b.resolve(literal)
	if err != nil {
		b.refuse("%w", err)
		return none, false
	}
	if digest == noKey {
		b.refuse("the key is empty")
		return none, false
	}
	if apikey.Leaked(digest) {
		b.refuse("the key was published and must not be used; make another")
		return none, false
	}
	i, taken := b.table.byDigest[digest]
	if !taken {
		return digest, true
	}
	if owner := b.table.credentials[i].Consumer; owner != c {
		b.refuse("the key is also one of consumer %s; a key belongs to one consumer", quote(owner.Name))
	} else {
		b.refuse("the key is listed twice")
	}
	return none, false
}

// validity reads the first and last moment of a key, 0 where there is none.
func (b *builder) validity(k *KeySpec) (notBefore, until int64) {
	var err error
	if k.NotBefore != "" {
		if notBefore, err = parseMoment(k.NotBefore, false); err != nil {
			b.refuse("not_before %w", err)
		}
	}
	if k.Until != "" {
		if until, err = parseMoment(k.Until, true); err != nil {
			b.refuse("until %w", err)
		}
	}
	if notBefore != 0 && until != 0 && until <= notBefore {
		b.refuse("until is not after not_before")
	}
	return notBefore, until
}
