// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

const (
	// defaultUsageLimit is how many rows an answer may have unless asked.
	defaultUsageLimit = 10_000
	// maxUsageLimit is how many can be asked for, some 30 MB of JSON.
	maxUsageLimit = 50_000
)

// usageParams are the parameters of /gateway/usage.
var usageParams = []string{"by", "since", "until", "consumer", "provider", "model", "route", "tag", "limit", "instance"}

// everything is what rows are told apart by unless asked otherwise.
var everything = []ledger.Dimension{ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute}

// parseUsage reads the parameters.
func parseUsage(query url.Values, now time.Time) (q ledger.Query, err error) {
	q.By = everything
	if query.Has("by") {
		if q.By, err = parseBy(query.Get("by")); err != nil {
			return q, err
		}
	}
	q.Filter = ledger.Filter{
		Consumer: query.Get("consumer"), Provider: query.Get("provider"),
		Model: query.Get("model"), Route: query.Get("route"), Tag: query.Get("tag"),
	}
	if q.Since, err = parseMoment("since", query.Get("since"), now); err != nil {
		return q, err
	}
	if q.Until, err = parseMoment("until", query.Get("until"), now); err != nil {
		return q, err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, fmt.Errorf("since (%s) is not before until (%s)", q.Since.Format(time.RFC3339), q.Until.Format(time.RFC3339))
	}
	if q.MaxRows, err = number(query, "limit", defaultUsageLimit); err != nil {
		return q, err
	}
	if q.MaxRows < 1 || q.MaxRows > maxUsageLimit {
		return q, fmt.Errorf("limit is %d; write a number from 1 to %d", q.MaxRows, maxUsageLimit)
	}
	return q, nil
}

func parseBy(text string) (by []ledger.Dimension, err error) {
	for name := range strings.SplitSeq(text, ",") {
		d, err := ledger.ParseDimension(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("read by: %w", err)
		}
		if slices.Contains(by, d) {
			return nil, fmt.Errorf("read by: %s is listed twice", d)
		}
		by = append(by, d)
	}
	if slices.Contains(by, ledger.ByHour) && slices.Contains(by, ledger.ByDay) {
		return nil, fmt.Errorf("read by: hour tells days apart already; leave out day")
	}
	return by, nil
}

// parseMoment reads a time: how long ago, a date, or a time with its zone. A date
// begins at midnight UTC; until a date means to its end, as it does for keys. No
// text is no limit.
func parseMoment(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		if name == "until" {
			at = at.AddDate(0, 0, 1)
		}
		return at, checkYear(name, at)
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), checkYear(name, at)
	}
	ago, err := caddy.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%s is %q; write how long ago, such as 24h or 7d, a date such as 2026-11-01, "+
			"or a time such as 2026-11-01T12:00:00Z", name, text)
	}
	return now.Add(-ago).UTC(), nil
}

// checkYear refuses times that the ledger cannot tell apart.
func checkYear(name string, at time.Time) error {
	if year := at.UTC().Year(); year < 1970 || year > 9998 {
		return fmt.Errorf("%s is in the year %d; write one from 1970 to 9998", name, year)
	}
	return nil
}
