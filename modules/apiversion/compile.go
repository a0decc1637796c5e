// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

// maxSources is how many places a version may be looked for in.
const maxSources = 16

// compile checks the configuration and makes of it what requests need.
func (h *Handler) compile() (err error) {
	h.now = time.Now
	if h.set, err = versioning.New(h.Versions); err != nil {
		return &options.MisuseError{Option: "versions", Err: err}
	}
	h.standard = -1
	if h.Default != "" {
		i, ok := h.set.Exact(h.Default)
		if !ok {
			return &options.MisuseError{Option: "default", Err: h.noSuch(h.Default)}
		}
		h.standard = i
	}
	prefix := h.Prefix
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if h.prefix, err = versioning.ParsePrefix(prefix); err != nil {
		return &options.MisuseError{Option: "prefix", Err: err}
	}
	if err := h.compileSources(); err != nil {
		return err
	}
	if h.Conflict == "" {
		h.Conflict = ConflictFirst
	}
	if h.Unknown == 0 {
		h.Unknown = http.StatusBadRequest
	}
	if h.Rewrite == "" {
		h.Rewrite = RewriteFull
	}
	switch {
	case h.Conflict != ConflictFirst && h.Conflict != ConflictReject:
		return options.Wrong("conflict", "%q is neither first nor reject", h.Conflict)
	case h.Unknown != http.StatusBadRequest && h.Unknown != http.StatusNotFound && h.Unknown != http.StatusNotAcceptable:
		return options.Wrong("unknown", "%d is none of 400, 404 and 406", h.Unknown)
	case h.Rewrite != RewriteFull && h.Rewrite != RewriteStrip && h.Rewrite != RewriteOff:
		return options.Wrong("rewrite", "%q is none of full, strip and off", h.Rewrite)
	}
	return h.compileLives()
}

func (h *Handler) noSuch(version string) error {
	return fmt.Errorf("version %q is not listed; there are: %s", version, h.set.Names())
}

// compileSources completes the sources, and notes by which headers answers differ.
func (h *Handler) compileSources() error {
	h.sources = slices.Clone(h.Sources)
	if len(h.sources) == 0 {
		h.sources = []Source{{From: FromHeader}}
	}
	if !slices.ContainsFunc(h.sources, func(s Source) bool { return s.From == FromPath }) {
		h.sources = slices.Insert(h.sources, 0, Source{From: FromPath})
	}
	if len(h.sources) > maxSources {
		return options.Wrong("sources", "there are %d; there may be %d", len(h.sources), maxSources)
	}
	h.header, h.vary = "", nil
	for i := range h.sources {
		s := &h.sources[i]
		if err := s.complete(); err != nil {
			return &options.MisuseError{Option: string(s.From), Err: err}
		}
		if slices.Contains(h.sources[:i], *s) {
			return options.Wrong(string(s.From), "%s is there twice", s)
		}
		switch s.From {
		case FromHeader:
			if h.header == "" {
				h.header = s.Name
			}
			h.vary = append(h.vary, s.Name)
		case FromAccept:
			h.vary = append(h.vary, "Accept")
		case FromPath, FromQuery: // the URL, by which answers differ anyway
		}
	}
	if h.header == "" {
		h.header = http.CanonicalHeaderKey(DefaultHeader)
	}
	return nil
}

// complete checks a source and gives it its name.
func (s *Source) complete() error {
	switch s.From {
	case FromPath:
		if s.Name != "" {
			return fmt.Errorf("the path has no name, but %q is given; use prefix", s.Name)
		}
		return nil
	case FromHeader:
		if s.Name == "" {
			s.Name = DefaultHeader
		}
		if err := checkHeader(s.Name); err != nil {
			return err
		}
		s.Name = http.CanonicalHeaderKey(s.Name)
		return nil
	case FromQuery:
		if s.Name == "" {
			s.Name = DefaultParameter
		}
		return nil
	case FromAccept:
		if s.Name == "" {
			s.Name = DefaultParameter
		}
		if s.Name != strings.ToLower(s.Name) || s.Name == "q" || !httpguts.ValidHeaderFieldName(s.Name) {
			return fmt.Errorf("%q is no parameter of a media type in lower case other than q", s.Name)
		}
		return nil
	}
	return fmt.Errorf("%q is none of path, header, query and accept", s.From)
}

// means are headers that mean something which a version must not take the place of.
var means = []string{"Authorization", "Content-Type", "Cookie", "Origin", "Proxy-Authorization"}

// checkHeader refuses headers that cannot carry a version.
func checkHeader(name string) error {
	if err := options.CheckRequestHeader(name); err != nil {
		return err
	}
	switch canonical := http.CanonicalHeaderKey(name); {
	case canonical == "Accept":
		return errors.New("the Accept header is a source of its own; write: accept")
	case state.ReservedHeader(canonical) != "" || slices.Contains(means, canonical):
		return fmt.Errorf("%s says something else; choose a name such as %s", canonical, DefaultHeader)
	}
	return nil
}

// String is the source in words.
func (s *Source) String() string {
	if s.Name == "" {
		return string(s.From)
	}
	return string(s.From) + " " + s.Name
}
