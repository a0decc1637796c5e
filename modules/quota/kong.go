// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// kongLimit is a limit of requests as Kong's headers tell of it.
type kongLimit struct {
	window           limits.Window
	limit, remaining int64
	frees            time.Duration
}

// setKong sets the headers of Kong's rate-limiting plugins. Of two limits with one
// window the tighter is shown; RateLimit-* are about the one of which the least
// remains, and of equal ones the longer.
func setKong(h http.Header, list []kongLimit) {
	tightest := &list[0]
	for i := range list {
		l := &list[i]
		if shown(list, i) {
			name := kongWindow(l.window)
			h["X-Ratelimit-Limit-"+name] = []string{strconv.FormatInt(l.limit, 10)}
			h["X-Ratelimit-Remaining-"+name] = []string{strconv.FormatInt(l.remaining, 10)}
		}
		if l.remaining < tightest.remaining || l.remaining == tightest.remaining && l.window.Seconds() > tightest.window.Seconds() {
			tightest = l
		}
	}
	h["Ratelimit-Limit"] = []string{strconv.FormatInt(tightest.limit, 10)}
	h["Ratelimit-Remaining"] = []string{strconv.FormatInt(tightest.remaining, 10)}
	h["Ratelimit-Reset"] = []string{strconv.FormatInt(max(1, seconds(tightest.frees)), 10)}
}

// shown says that none of the list is tighter in the window of its i-th.
func shown(list []kongLimit, i int) bool {
	name := kongWindow(list[i].window)
	for j := range list {
		same := j != i && kongWindow(list[j].window) == name
		if same && (list[j].remaining < list[i].remaining || j < i && list[j].remaining == list[i].remaining) {
			return false
		}
	}
	return true
}

// kongWindow is the name of a window in a header, which is its length in seconds
// where it has no name.
func kongWindow(w limits.Window) string {
	switch s := w.Seconds(); {
	case s == 1:
		return "Second"
	case s == 60:
		return "Minute"
	case s == 3600:
		return "Hour"
	case s == 86400:
		return "Day"
	case w.Kind == limits.Calendar && w.Period == limits.Month:
		return "Month"
	case w.Kind == limits.Calendar && w.Period == limits.Year:
		return "Year"
	default:
		return strconv.FormatInt(s, 10)
	}
}
