// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// maxProblems is how many problems one error of Build spells out. A file with
// one systematic mistake has as many problems as rows.
const maxProblems = 20

// BuildOptions says what the consumers may refer to.
type BuildOptions struct {
	// Groups are the declared groups. A group that is not declared is accepted
	// only from the consumer of the same name: it is that consumer's own.
	Groups []string
	// Plans are the declared plans, which consumers may have.
	Plans []string
	// GroupPlans are the plans of groups, by the name of the group.
	GroupPlans map[string]string
	// Resolve turns the text of a key into a digest: it takes "sha256:<hex>"
	// literally and may resolve placeholders. Its errors are shown and must not
	// quote a key. Default: apikey.Parse, which takes nothing but digests.
	Resolve func(literal string) (apikey.Digest, error)
	// JWTSecret turns the text of a JWT's secret or public key into the secret, or the
	// key in PEM. Its errors are shown and must not quote either. Without it, JWT
	// credentials are checked as far as they can be without, and cannot be used.
	JWTSecret func(literal string) (string, error)
}

// Build checks all specs together and compiles them. On problems it returns no
// table and one error that joins them (see errors.Join), each naming its
// consumer; after 20 it only counts.
//
// Refused are: names that are empty, taken, or unfit for a header; a custom id
// used twice; a group or plan that does not exist; a repeated list element; an address
// or model pattern that cannot be read; a key that is empty, cannot be
// resolved, belongs to two consumers or twice to one, is known to have been
// published, ends before it begins, or names a group its consumer is not in; a JWT
// credential whose name is taken, or whose secret or public key is missing, too short or
// not for its algorithm.
func Build(specs []Spec, o BuildOptions) (*Table, error) {
	if o.Resolve == nil {
		o.Resolve = apikey.Parse
	}
	keys := 0
	for i := range specs {
		keys += len(specs[i].Keys)
	}
	b := &builder{
		resolve:   o.Resolve,
		jwtSecret: o.JWTSecret,
		declared:  make(map[string]bool, len(o.Groups)),
		plans:     o.Plans,
		ofGroups:  o.GroupPlans,
		intern:    newInterner(),

		byCustomID: make(map[string]uint32),
		table: &Table{
			consumers:   make([]Consumer, len(specs)),
			credentials: make([]Credential, 0, keys),
			byDigest:    make(map[apikey.Digest]uint32, keys),
			byName:      make(map[string]uint32, len(specs)),
		},
	}
	for _, g := range o.Groups {
		if err := checkLabel(g); err != nil {
			b.problem(fmt.Errorf("group %s %w", quote(g), err))
		}
		b.declared[g] = true
	}
	// Names first: a group may be refused for belonging to a later consumer.
	for i := range specs {
		b.name(i, specs[i].Name)
	}
	for i := range specs {
		b.consumer(i, &specs[i])
	}
	if err := b.err(); err != nil {
		return nil, err
	}
	b.table.byCustomID = sync.OnceValue(b.table.indexCustomIDs)
	return b.table, nil
}

// builder holds what Build knows while it works.
type builder struct {
	resolve   func(string) (apikey.Digest, error)
	jwtSecret func(string) (string, error) // of JWT credentials; nil if unknown
	declared  map[string]bool
	plans     []string
	ofGroups  map[string]string // the plans of groups
	intern    *interner

	byCustomID map[string]uint32
	table      *Table
	prefixes   []netip.Prefix // reused
	effective  []string       // reused

	// Where the work is, for errors: the index and name of the consumer, and
	// the number of the key, 0 outside keys.
	atIndex int
	atName  string
	atKey   int

	problems []error
	more     int // problems beyond those kept
}

// problem keeps err, or counts it when there are enough.
func (b *builder) problem(err error) {
	if len(b.problems) < maxProblems {
		b.problems = append(b.problems, err)
	} else {
		b.more++
	}
}

// refuse is problem with the consumer and the key at work named first.
func (b *builder) refuse(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if b.atKey > 0 {
		err = fmt.Errorf("key %d: %w", b.atKey, err)
	}
	b.problem(fmt.Errorf("%s: %w", specLabel(b.atIndex, b.atName), err))
}

func (b *builder) err() error {
	if b.more > 0 {
		return errors.Join(append(b.problems, fmt.Errorf("and %d more", b.more))...)
	}
	return errors.Join(b.problems...)
}

func (b *builder) name(i int, name string) {
	b.atIndex, b.atName = i, name
	name = strings.Clone(name)
	b.table.consumers[i].Name = name
	if err := checkLabel(name); err != nil {
		b.refuse("the name %w", err)
		return
	}
	if first, taken := b.table.byName[name]; taken {
		b.refuse("the name is used twice, by the consumers number %d and %d", first+1, i+1)
		return
	}
	b.table.byName[name] = uint32(i) //nolint:gosec // No more consumers than fit in memory.
}

func (b *builder) consumer(i int, s *Spec) {
	b.atIndex, b.atName, b.atKey = i, s.Name, 0
	c := &b.table.consumers[i]
	b.customID(c, s)
	b.labels("tag", s.Tags)
	b.labels("group", s.Groups)
	for _, g := range s.Groups {
		if b.declared[g] || g == s.Name {
			continue
		}
		if _, consumer := b.table.byName[g]; consumer {
			b.refuse("group %s is the own group of that consumer; declare the group to share it", quote(g))
		} else {
			b.refuse("unknown group %s", quote(g))
		}
	}
	b.models(s.Models)
	c.Tags = b.intern.list(s.Tags)
	c.Groups = b.intern.list(s.Groups)
	c.Allow = b.addresses(s.AllowIPs)
	c.models = b.intern.modelList(s.Models)
	if s.Plan != "" && !slices.Contains(b.plans, s.Plan) {
		b.refuse("unknown plan %s", quote(s.Plan))
	}
	c.Plans = b.effectivePlans(s.Plan, c.Groups)
	first := len(b.table.credentials)
	for j := range s.Keys {
		b.atKey = j + 1
		b.key(c, s, &s.Keys[j])
	}
	c.credentials = b.table.credentials[first:len(b.table.credentials):len(b.table.credentials)]
	b.atKey = 0
	for j := range s.JWTs {
		b.jwt(c, &s.JWTs[j])
	}
	b.atKey = 0
	for j := range s.Clients {
		b.client(c, &s.Clients[j])
	}
}

// effectivePlans returns the plans that hold for somebody with a plan of his own,
// or none, and some groups, each once.
func (b *builder) effectivePlans(own string, groups []string) []string {
	b.effective = b.effective[:0]
	if own != "" {
		b.effective = append(b.effective, own)
	}
	for _, g := range groups {
		if plan := b.ofGroups[g]; plan != "" && !slices.Contains(b.effective, plan) {
			b.effective = append(b.effective, plan)
		}
	}
	return b.intern.list(b.effective)
}

func (b *builder) customID(c *Consumer, s *Spec) {
	if s.CustomID == "" {
		return
	}
	if err := checkLabel(s.CustomID); err != nil {
		b.refuse("the custom id %w", err)
		return
	}
	if other, taken := b.byCustomID[s.CustomID]; taken {
		b.refuse("the custom id %s is also that of consumer %s", quote(s.CustomID), quote(b.table.consumers[other].Name))
		return
	}
	c.CustomID = strings.Clone(s.CustomID)
	b.byCustomID[c.CustomID] = uint32(b.atIndex) //nolint:gosec // No more consumers than fit in memory.
}

// labels checks the elements of a list of tags or groups.
func (b *builder) labels(kind string, list []string) {
	for i, s := range list {
		if err := checkLabel(s); err != nil {
			b.refuse("%s %s %w", kind, quote(s), err)
		} else if slices.Contains(list[:i], s) {
			b.refuse("%s %s is listed twice", kind, quote(s))
		}
	}
}

func (b *builder) models(list []string) {
	for i, p := range list {
		if err := checkModel(p); err != nil {
			b.refuse("model pattern %s %w", quote(p), err)
		} else if slices.Contains(list[:i], p) {
			b.refuse("model pattern %s is listed twice", quote(p))
		}
	}
}

func (b *builder) addresses(list []string) []netip.Prefix {
	b.prefixes = b.prefixes[:0]
	for _, s := range list {
		p, err := parsePrefix(s)
		switch {
		case err != nil:
			b.refuse("address %s %w", quote(s), err)
		case slices.Contains(b.prefixes, p):
			b.refuse("address %s is listed twice", quote(s))
		default:
			b.prefixes = append(b.prefixes, p)
		}
	}
	return b.intern.prefixList(b.prefixes)
}
