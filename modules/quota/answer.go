// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Values of Handler.Headers.
const (
	headersIETF = "ietf"
	headersKong = "kong"
	headersBoth = "both"
	headersOff  = "off"
)

// Headers of answers, in canonical form.
const (
	headerPolicy = "Ratelimit-Policy"
	headerLimit  = "Ratelimit"
	// headerBudget tells how much of a budget is used, from warnFrom percent on.
	headerBudget = "X-Gateway-Budget-Used"
	// headerRetry keeps the SDKs of OpenAI and Anthropic from trying again what will
	// not be admitted for long.
	headerRetry = "X-Should-Retry"
)

// longWait is from which on it makes no sense that a client waits by itself.
const longWait = time.Minute

// answer is what the headers of the answer will say.
type answer struct {
	tightest limits.Check // Rule nil: nothing
	from     origin
	policy   string // of all levels
	kong     []kongLimit
	budget   string
	percent  int64 // that is used of the budget in the header
	giveUp   bool  // waiting is useless
}

// note keeps what a decision says for headers, logs and placeholders.
func (n *run) note(d *decision) {
	a := &n.answer
	if t := d.Tightest(); t != nil {
		at := index(d, t)
		if a.tightest.Rule == nil || d.Denied || t.Tighter(&a.tightest) {
			a.tightest, a.from = *t, d.from[at]
		}
	}
	var last *level
	for i := range d.Checks {
		c, o := &d.Checks[i], &d.from[i]
		if o.l != last {
			last = o.l
			a.add(o)
		}
		if (o.h.Headers == headersKong || o.h.Headers == headersBoth) && c.Rule.Unit == limits.Requests && !c.Rule.Shadow {
			a.kong = append(a.kong, kongLimit{c.Rule.Window, c.Rule.Capacity(), c.Remaining(), c.Frees})
		}
		if c.Exceeded || c.Rule.Soft && c.Used >= c.Rule.Limit {
			n.exceeded(d, c, o)
		}
		if o.l.Cost {
			a.warn(c, o)
		}
	}
	n.summarize(d)
}

func index(d *decision, c *limits.Check) int {
	for i := range d.Checks {
		if &d.Checks[i] == c {
			return i
		}
	}
	return 0
}

// summarize fills in what the request state tells of limits.
func (n *run) summarize(d *decision) {
	q, a := &n.rq.Quota, &n.answer
	q.Degraded = q.Degraded || d.Degraded
	q.Denied = d.Denied
	c, o := &a.tightest, &a.from
	if c.Rule == nil { // all are in the shadow
		c, o = &d.Checks[0], &d.from[0]
	}
	q.Name, q.Unit, q.Window = o.l.name, c.Rule.Unit.String(), o.l.window(o.rule)
	q.Limit, q.Remaining, q.Reset = c.Rule.Capacity(), c.Remaining(), c.Frees
}

// window is the window's part of a rule's id.
func (l *level) window(rule int) string {
	_, window, _ := strings.Cut(l.ids[rule], "/")
	return window
}

// add adds the policies of a level, once.
func (a *answer) add(o *origin) {
	if o.h.Headers != headersIETF && o.h.Headers != headersBoth || strings.Contains(a.policy, o.l.policies) {
		return
	}
	if a.policy != "" {
		a.policy += ", "
	}
	a.policy += o.l.policies
}

// AnswerHeader implements state.Waiter.
func (n *run) AnswerHeader(h http.Header) {
	a := &n.answer
	if a.tightest.Rule == nil {
		return
	}
	if a.policy != "" {
		// One array for both; each slice ends where the other begins.
		values := []string{a.policy, a.limit()}
		h[headerPolicy], h[headerLimit] = values[:1:1], values[1:]
	}
	if len(a.kong) > 0 {
		setKong(h, a.kong)
	}
	if a.budget != "" {
		h[headerBudget] = []string{a.budget}
	}
	if a.giveUp {
		h[headerRetry] = []string{"false"}
	}
}

// limit is the value of RateLimit: what remains of the tightest limit, and when
// something is free again.
func (a *answer) limit() string {
	var room [192]byte
	b := append(room[:0], a.from.l.labels[a.from.rule]...)
	b = strconv.AppendInt(b, a.tightest.Remaining(), 10)
	if a.tightest.Frees > 0 && a.tightest.Frees != limits.Never {
		b = append(b, ";t="...)
		b = strconv.AppendInt(b, seconds(a.tightest.Frees), 10)
	}
	return string(b)
}

// seconds are whole seconds, rounded up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// policy is the parameters of a policy: quota, unit, window. Requests are the
// unit that is meant where none is named.
func policy(r *limits.Rule) string {
	text := ";q=" + strconv.FormatInt(min(r.Capacity(), maxInteger), 10)
	switch r.Unit {
	case limits.Requests:
	case limits.Concurrent:
		text += `;qu="concurrent-requests"`
	case limits.Cost:
		text += `;qu="nano-usd"`
	default:
		text += `;qu="` + strings.ReplaceAll(r.Unit.String(), "_", "-") + `"`
	}
	if w := r.Window.Seconds(); w > 0 {
		text += ";w=" + strconv.FormatInt(w, 10)
	}
	return text
}

// maxInteger is the largest integer of a structured field (RFC 9651, section 3.3.1).
const maxInteger = 999_999_999_999_999
