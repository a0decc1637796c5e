// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// defaultConsumerLimit is how many consumers one answer holds unless asked.
const defaultConsumerLimit = 100

// consumerView is a consumer as the admin API shows it.
type consumerView struct {
	Name     string    `json:"name"`
	CustomID string    `json:"custom_id,omitempty"`
	Groups   []string  `json:"groups,omitempty"`
	Plans    []string  `json:"plans,omitempty"`
	Tags     []string  `json:"tags,omitempty"`
	Models   []string  `json:"models,omitempty"`
	AllowIPs []string  `json:"allow_ips,omitempty"`
	Keys     []keyView `json:"keys"`
}

// keyView is a key as the admin API shows it: neither the key nor its digest.
type keyView struct {
	ID        string     `json:"id"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	Until     *time.Time `json:"until,omitempty"`
	Active    bool       `json:"active"`
	Groups    []string   `json:"groups,omitempty"`
	Plans     []string   `json:"plans,omitempty"`
	Tags      []string   `json:"tags,omitempty"`
	Models    []string   `json:"models,omitempty"`
}

func viewConsumer(c *consumers.Consumer, now time.Time) consumerView {
	v := consumerView{
		Name: c.Name, CustomID: c.CustomID,
		Groups: c.Groups, Plans: c.Plans, Tags: c.Tags, Models: c.Models(), Keys: []keyView{},
	}
	for _, p := range c.Allow {
		if p.IsSingleIP() {
			v.AllowIPs = append(v.AllowIPs, p.Addr().String())
		} else {
			v.AllowIPs = append(v.AllowIPs, p.String())
		}
	}
	for _, k := range c.Credentials() {
		v.Keys = append(v.Keys, keyView{
			ID: k.ID, NotBefore: unlessZero(k.NotBefore()), Until: unlessZero(k.Until()),
			Active: k.Active(now), Groups: k.Groups, Plans: k.Plans, Tags: k.Tags, Models: k.Models(),
		})
	}
	return v
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// serveConsumers answers with one page of the consumers, in the order of the
// config, or with the one that name asks for. It encodes them one by one: the
// memory it needs does not depend on how many there are.
func serveConsumers(a *App, w http.ResponseWriter, query url.Values) error {
	limit, err := number(query, "limit", defaultConsumerLimit)
	if err != nil {
		return err
	}
	offset, err := number(query, "offset", 0)
	if err != nil {
		return err
	}
	total, all := a.table.Len(), a.table.All()
	if name := query.Get("name"); query.Has("name") {
		total, all = 0, func(func(*consumers.Consumer) bool) {}
		if c := a.table.Consumer(name); c != nil {
			total, all = 1, func(yield func(*consumers.Consumer) bool) { yield(c) }
		}
	}
	out := bufio.NewWriterSize(w, 32<<10)
	fmt.Fprintf(out, `{"total":%d,"offset":%d,"limit":%d,"consumers":[`, total, offset, limit)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	now, at := time.Now(), 0
	for c := range all {
		if at-offset >= limit {
			break
		}
		if at++; at <= offset {
			continue
		}
		if at > offset+1 {
			_ = out.WriteByte(',') // the error comes again from Flush
		}
		if err := enc.Encode(viewConsumer(c, now)); err != nil {
			return nil // the client has left an answer that had begun
		}
	}
	_, _ = out.WriteString("]}\n")
	_ = out.Flush()
	return nil
}
