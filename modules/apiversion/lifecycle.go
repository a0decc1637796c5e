// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

// life is what a version's Lifecycle comes to.
type life struct {
	deprecation, sunset []string // values of the headers; nil for none
	links               []string
	successor           int       // -1 if there is none
	gone                time.Time // zero if it does not end
	told                []string  // the version for the response header; nil for none
	vary                []string
}

// compileLives reads what there is to say about each version.
func (h *Handler) compileLives() error {
	h.lives = make([]life, h.set.Len())
	for i := range h.lives {
		l := &h.lives[i]
		l.successor, l.vary = -1, h.vary
		if h.ResponseHeader {
			l.told = []string{h.set.Name(i)}
		}
	}
	for name, about := range h.Lifecycle {
		option := "version " + name
		i, ok := h.set.Exact(name)
		if !ok {
			return &options.MisuseError{Option: option, Err: h.noSuch(name)}
		}
		if about == nil {
			return options.Wrong(option, "nothing is said about it")
		}
		if err := h.compileLife(&h.lives[i], i, about); err != nil {
			return &options.MisuseError{Option: option, Err: err}
		}
	}
	return nil
}

func (h *Handler) compileLife(l *life, version int, about *Lifecycle) error {
	var deprecated, sunset time.Time
	var err error
	for _, d := range []struct {
		option, date, link, relation string
		at                           *time.Time
	}{
		{"deprecated", about.Deprecated, about.DeprecationLink, "deprecation", &deprecated},
		{"sunset", about.Sunset, about.SunsetLink, "sunset", &sunset},
	} {
		if d.date != "" {
			if *d.at, err = versioning.ParseDate(d.date); err != nil {
				return fmt.Errorf("%s: %w", d.option, err)
			}
		}
		if d.link == "" {
			continue
		}
		if d.date == "" {
			return fmt.Errorf("%s: there is a link and no date", d.option)
		}
		if err := versioning.CheckLink(d.link); err != nil {
			return fmt.Errorf("%s: %w", d.option, err)
		}
		l.links = append(l.links, versioning.Link(d.link, d.relation))
	}
	if !deprecated.IsZero() {
		l.deprecation = []string{versioning.Deprecation(deprecated)}
	}
	if !sunset.IsZero() {
		l.sunset = []string{versioning.Sunset(sunset)}
	}
	switch {
	case !deprecated.IsZero() && !sunset.IsZero() && sunset.Before(deprecated):
		return errors.New("sunset is before deprecated; a version is deprecated first (RFC 9745)")
	case about.Gone && sunset.IsZero():
		return errors.New("gone needs the date from which on it is; write: sunset <date>")
	case about.Gone:
		l.gone = sunset
	}
	if about.Successor == "" {
		return nil
	}
	next, ok := h.set.Exact(about.Successor)
	switch {
	case !ok:
		return fmt.Errorf("successor: %w", h.noSuch(about.Successor))
	case next == version:
		return errors.New("successor: a version cannot succeed itself")
	}
	l.successor = next
	return nil
}

// ending tells an answer of its version.
type ending struct {
	*life
	header    string
	successor string // a value of Link; empty for none
	vary      bool
}

// quiet says that there is nothing to tell.
func (l *life) quiet() bool {
	return l.deprecation == nil && l.sunset == nil && l.links == nil && l.told == nil && l.successor < 0
}

// FinishHeader implements state.Finisher.
func (e *ending) FinishHeader(h http.Header) {
	if e.vary {
		for _, name := range e.life.vary {
			state.AddVary(h, name)
		}
	}
	// Copies, since others edit headers in place, and the next answer has the same.
	if e.deprecation != nil {
		h["Deprecation"] = slices.Clone(e.deprecation)
	}
	if e.sunset != nil {
		h["Sunset"] = slices.Clone(e.sunset)
	}
	if e.told != nil {
		h[e.header] = slices.Clone(e.told)
	}
	for _, link := range e.links {
		addLink(h, link)
	}
	if e.successor != "" {
		addLink(h, e.successor)
	}
}

// addLink adds a link, unless it is there: error routes may decide on the version again.
func addLink(h http.Header, link string) {
	if !slices.Contains(h["Link"], link) {
		h["Link"] = append(h["Link"], link)
	}
}

// Interface guards
var _ state.Finisher = (*ending)(nil)
