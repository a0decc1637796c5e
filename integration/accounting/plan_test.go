// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// planHeader is the request header in which a plan travels.
const planHeader = "X-Plan"

// ending is how a request ends.
type ending uint8

const (
	completes ending = iota
	slow             // completes, with pauses
	refused          // the upstream says 429
	retried          // the upstream says 500 at first
	hangsUp          // the upstream closes the connection instead of answering
	cut              // the upstream breaks off its answer
	abandoned        // the client goes away
	numEndings
)

// plan is what a request asks for and what becomes of it.
type plan struct {
	name     string // of the plan; it leads to the same one again
	number   int
	wire     *wire
	consumer int
	model    string
	stream   bool
	ending   ending
	prompt   int    // words
	events   int    // of the answer that have text
	at       int    // after how many of them it is cut or abandoned; -1: before the header; all: after the event that ends it
	hurried  bool   // the client allows one event more before it goes
	failures int    // before the upstream answers
	asks     bool   // the client wants to know the usage of its stream
	silent   bool   // the upstream tells no usage, asked or not
	coding   string // what the client accepts
	pressed  bool   // the stream is compressed, though nobody has asked for that
	usage    counts // what the upstream reports
	held     bool   // each event waits for a permit of the test
}

// consumers is how many consumers there are.
const consumers = 8

// kinds of plans by name. Each fills in the details at random.
var kinds = map[string]func(*plan, *rand.Rand){"mixed": mixed, "row": rowed, "held": holding}

// planned returns the plan of a kind and number, always the same.
func planned(kind string, number int) *plan {
	r := rand.New(rand.NewPCG(uint64(number), uint64(len(kind))))
	p := &plan{
		name: kind + " " + strconv.Itoa(number), number: number,
		consumer: r.IntN(consumers), model: models[r.IntN(len(models))],
		prompt: 1 + r.IntN(40), events: 1 + r.IntN(12),
	}
	kinds[kind](p, r)
	p.usage = p.wire.usage(r)
	return p
}

// planNamed is the plan that a header names.
func planNamed(name string) (*plan, error) {
	kind, text, _ := strings.Cut(name, " ")
	number, err := strconv.Atoi(text)
	if err != nil || kinds[kind] == nil {
		return nil, fmt.Errorf("no plan %q", name)
	}
	return planned(kind, number), nil
}

// mixed is a request of any format with any ending.
func mixed(p *plan, r *rand.Rand) {
	p.wire = &wires[r.IntN(len(wires))]
	p.stream = p.wire.event != nil && r.IntN(3) > 0
	p.ending = [...]ending{
		completes, completes, completes, completes, completes, completes, slow, slow,
		refused, retried, hangsUp, cut, cut, abandoned, abandoned, abandoned,
	}[r.IntN(16)]
	p.asks = r.IntN(2) == 0
	p.silent = p.wire.name == "chat" && r.IntN(4) == 0
	p.failures = 1 + r.IntN(2)
	p.hurried = r.IntN(2) == 0
	p.coding = [...]string{"", "gzip", "br", "zstd", "gzip, br, zstd"}[r.IntN(5)]
	p.pressed = p.stream && p.wire.name != "chat" && r.IntN(4) == 0
	switch p.ending {
	case cut:
		p.at = r.IntN(p.events + 1)
	case abandoned:
		switch p.at = r.IntN(p.events+2) - 1; {
		case !p.stream:
			p.at = -1
		case p.wire.name == "gemini":
			p.at = min(p.at, p.events-1) // nothing tells the end of its streams
		}
		p.held = true
	default:
		p.at = p.events
	}
}

// rowed is a request that completes, with a row of its own in the ledger.
func rowed(p *plan, r *rand.Rand) {
	p.wire = &wires[r.IntN(3)]
	p.stream = r.IntN(3) > 0
	p.ending = [...]ending{completes, slow}[r.IntN(2)]
	p.model = rowModel + strconv.Itoa(p.number)
	p.at = p.events
}

// holding is a stream that the test leads event by event.
func holding(p *plan, r *rand.Rand) {
	p.wire = &wires[r.IntN(len(wires)-1)]
	p.model = rowModel + strconv.Itoa(p.number)
	p.stream, p.held, p.events = true, true, 10
	p.at = p.events
}

// vocabulary are words that are one token each, with the space before them, to the
// tokenizers that the gateway has. So it is known what an estimate has to come to.
var vocabulary = [...]string{" the", " of", " and", " to", " in", " is", " that", " for", " it", " as", " was", " with", " be", " by", " on"}

// text returns words, beginning at some point of the vocabulary.
func text(from, words int) string {
	var b strings.Builder
	for i := range words {
		b.WriteString(vocabulary[(from+i)%len(vocabulary)])
	}
	return b.String()
}

// words returns how many words, and so tokens, there are in an event.
func (p *plan) words(event int) int { return 1 + (p.number+event)%4 }

// said returns how many there are in the first events.
func (p *plan) said(events int) (n int64) {
	for i := range events {
		n += int64(p.words(i))
	}
	return n
}

// asked is the text of the prompt.
func (p *plan) asked() string { return text(p.number, p.prompt) }

// told is the text of an event, and all is that of the whole answer.
func (p *plan) told(event int) string { return text(p.number+event, p.words(event)) }

func (p *plan) all() string {
	var b strings.Builder
	for i := range p.events {
		b.WriteString(p.told(i))
	}
	return b.String()
}

// caller is under what the request is counted.
func (p *plan) caller() caller { return caller{consumerName(p.consumer), p.wire.provider, p.model} }

func consumerName(i int) string { return "consumer-" + strconv.Itoa(i) }
