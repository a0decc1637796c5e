// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// storePatience is how long somebody who looks at limits waits for the store, which
// a request would not.
const storePatience = 5 * time.Second

// limitList is the answer of GET /gateway/limits.
type limitList struct {
	Consumer string      `json:"consumer,omitempty"`
	Limits   []limitView `json:"limits"`
	// Warning is why the store is not as exact or durable as it promises.
	Warning string `json:"warning,omitempty"`
}

// limitView is a limit as it stands with one subject.
type limitView struct {
	Quota   string `json:"quota"`
	By      string `json:"by"`
	Subject string `json:"subject,omitempty"`
	Text    string `json:"limit_text"`
	Unit    string `json:"unit"`
	Window  string `json:"window"`
	// Numbers; of cost exact decimals in US dollars, in strings.
	Limit     json.RawMessage `json:"limit"`
	Used      json.RawMessage `json:"used"`
	Reserved  json.RawMessage `json:"reserved"`
	Remaining json.RawMessage `json:"remaining"`
	// FreesIn and FreesAt are when something of what is used is free again.
	FreesIn int64      `json:"frees_in_seconds,omitempty"`
	FreesAt *time.Time `json:"frees_at,omitempty"`
	Soft    bool       `json:"soft,omitempty"`
	Shadow  bool       `json:"shadow,omitempty"`
	Shared  bool       `json:"shared,omitempty"`
}

func viewLimit(l *LimitOf, now time.Time) limitView {
	c := &l.Check
	figure := func(n int64) json.RawMessage {
		if c.Rule.Unit == limits.Cost {
			return json.RawMessage(`"` + dollars(n) + `"`)
		}
		return strconv.AppendInt(nil, n, 10)
	}
	_, window, _ := strings.Cut(c.Rule.ID(), "/")
	v := limitView{
		Quota: l.Quota, By: l.By, Subject: c.Key.Subject, Text: l.Text, Unit: c.Rule.Unit.String(), Window: window,
		Limit: figure(c.Rule.Capacity()), Used: figure(c.Used), Reserved: figure(c.Reserved), Remaining: figure(c.Remaining()),
		Soft: c.Rule.Soft, Shadow: c.Rule.Shadow, Shared: l.Shared,
	}
	if c.Frees > 0 && c.Frees != limits.Never {
		v.FreesIn = int64((c.Frees + time.Second - 1) / time.Second)
		at := now.Add(c.Frees).UTC().Truncate(time.Second)
		v.FreesAt = &at
	}
	return v
}

func viewLimits(list []LimitOf, now time.Time) []limitView {
	views := make([]limitView, len(list))
	for i := range list {
		views[i] = viewLimit(&list[i], now)
	}
	return views
}

// limitQuery says which limits are meant.
type limitQuery struct{ consumer, quota, subject, text string }

// find returns the limits that are meant, each counter once.
func (q *limitQuery) find(a *App) (list []LimitOf, err error) {
	switch {
	case q.consumer == "" && q.quota == "":
		return nil, adminError(http.StatusBadRequest, "name a consumer, as in ?consumer=alice, or a quota and whom it counts, as in ?quota=site&subject=192.0.2.1")
	case q.consumer != "" && q.subject != "":
		return nil, adminError(http.StatusBadRequest, "consumer and subject are both given; a subject is for who is counted by other things than consumers")
	case q.quota != "" && len(a.levels(q.quota)) == 0:
		return nil, adminError(http.StatusNotFound, "no quota or plan that is in force is called %q; %s", q.quota, a.quotaNames())
	case q.consumer != "":
		list, err = q.ofConsumer(a)
	default:
		list, err = q.ofSubject(a)
	}
	if err != nil {
		return nil, err
	}
	list = distinct(list)
	if q.text == "" {
		return list, nil
	}
	var texts []string
	for i := range list {
		if !slices.Contains(texts, list[i].Text) {
			texts = append(texts, list[i].Text)
		}
	}
	list = slices.DeleteFunc(list, func(l LimitOf) bool { return l.Text != q.text })
	if len(list) == 0 {
		return nil, adminError(http.StatusNotFound, "there is no limit %q; there are: %s", q.text, cmp.Or(strings.Join(texts, ", "), "none"))
	}
	return list, nil
}

func (q *limitQuery) ofConsumer(a *App) (list []LimitOf, err error) {
	c := a.table.Consumer(q.consumer)
	if c == nil {
		return nil, adminError(http.StatusNotFound, "consumer %q does not exist", q.consumer)
	}
	for _, quota := range a.quotas {
		for _, l := range quota.LimitsOf(c) {
			if q.quota == "" || l.Quota == q.quota {
				list = append(list, l)
			}
		}
	}
	return list, nil
}

// ofSubject returns the limits of the levels that can count the subject.
func (q *limitQuery) ofSubject(a *App) (list []LimitOf, err error) {
	for _, l := range a.levels(q.quota) {
		found, reason := l.Of(q.subject)
		if reason != nil && err == nil {
			err = adminError(http.StatusBadRequest, "%w", reason)
		}
		list = append(list, found...)
	}
	if len(list) > 0 {
		return list, nil
	}
	return nil, err
}

// levels returns the sets of limits of a name, or all.
func (a *App) levels(name string) (list []Level) {
	for _, q := range a.quotas {
		for _, l := range q.Levels() {
			if name == "" || l.Quota == name {
				list = append(list, l)
			}
		}
	}
	return list
}

// quotaNames says which quotas and plans there are, as far as one wants to read it.
func (a *App) quotaNames() string {
	const most = 20
	var names []string
	for _, l := range a.levels("") {
		if !slices.Contains(names, l.Quota) {
			names = append(names, l.Quota)
		}
	}
	switch slices.Sort(names); {
	case len(names) == 0:
		return "there is none"
	case len(names) > most:
		return "there are: " + strings.Join(names[:most], ", ") + " and others"
	}
	return "there are: " + strings.Join(names, ", ")
}

// distinct drops what would show a counter again. Of several limits that share one,
// that is kept which denies first.
func distinct(list []LimitOf) []LimitOf {
	type counter struct {
		key  limits.Key
		rule string
	}
	at := make(map[counter]int, len(list))
	kept := list[:0]
	for _, l := range list {
		id := counter{l.Check.Key, l.Check.Rule.ID()}
		i, again := at[id]
		switch {
		case !again:
			at[id] = len(kept)
			kept = append(kept, l)
		case deniesBefore(l.Check.Rule, kept[i].Check.Rule):
			kept[i] = l
		}
	}
	return kept
}

func deniesBefore(a, b *limits.Rule) bool {
	if a.Enforces() != b.Enforces() {
		return a.Enforces()
	}
	return a.Capacity() < b.Capacity()
}

// look fills in what the store says of the limits, in one question.
func (a *App) look(ctx context.Context, list []LimitOf) error {
	if len(list) == 0 {
		return nil // nor may anything have opened the store
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	checks := checksOf(list)
	if err := a.Limits().Look(ctx, checks); err != nil {
		return adminError(http.StatusServiceUnavailable, "read counters: %w", err)
	}
	for i := range list {
		list[i].Check = checks[i]
	}
	return nil
}

func checksOf(list []LimitOf) []limits.Check {
	checks := make([]limits.Check, len(list))
	for i := range list {
		checks[i] = list[i].Check
	}
	return checks
}
