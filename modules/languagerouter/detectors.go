// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

const (
	// detectorNamespace is where modules of type languages.Detector are registered.
	detectorNamespace = "gateway.language_detectors"
	// detectorInlineKey is the member of a detector's JSON object that names its module.
	detectorInlineKey = "detector"
	// defaultDetector is the one that is asked where none is named.
	defaultDetector = "script"
)

// named is a detector and what the configuration calls it.
type named struct {
	languages.Detector
	name string
}

// loadDetectors loads the detectors, or the default one where none is named. Where
// nothing is identified that one is there for the scripts that it tells, if it is there.
func (h *Handler) loadDetectors(ctx caddy.Context) ([]named, error) {
	if len(h.DetectorsRaw) == 0 {
		d, err := loadDefault(ctx, defaultDetector)
		if err != nil && h.identifies {
			return nil, err
		}
		if err != nil {
			return nil, nil
		}
		return []named{d}, nil
	}
	modules, err := ctx.LoadModule(h, "DetectorsRaw")
	if err != nil {
		return nil, fmt.Errorf("load detectors: %w", err)
	}
	detectors := make([]named, 0, len(h.DetectorsRaw))
	for _, module := range modules.([]any) {
		d, err := asDetector(module)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(detectors, func(have named) bool { return have.name == d.name }) {
			return nil, fmt.Errorf("detector %s is named twice; keep one of them", d.name)
		}
		detectors = append(detectors, d)
	}
	return detectors, nil
}

func loadDefault(ctx caddy.Context, name string) (named, error) {
	id := detectorNamespace + "." + name
	if _, err := caddy.GetModule(id); err != nil {
		return named{}, fmt.Errorf("the detector %s, which identifies languages where none is named, is not in this build; "+
			"import github.com/caddy-gateway/tollgate/modules/scriptdetector, or name another one with the option detector; there are: %s",
			name, detectorNames())
	}
	module, err := ctx.LoadModuleByID(id, nil)
	if err != nil {
		return named{}, err
	}
	return asDetector(module)
}

func asDetector(module any) (named, error) {
	name := ""
	if m, ok := module.(caddy.Module); ok {
		name = m.CaddyModule().ID.Name()
	}
	d, ok := module.(languages.Detector)
	if !ok {
		return named{}, fmt.Errorf("module %s.%s is %T, which is no language detector", detectorNamespace, name, module)
	}
	return named{d, name}, nil
}

// detectorNames lists the detectors of this build.
func detectorNames() string {
	modules := caddy.GetModules(detectorNamespace)
	if len(modules) == 0 {
		return "none"
	}
	names := make([]string, len(modules))
	for i, info := range modules {
		names[i] = info.ID.Name()
	}
	return strings.Join(names, ", ")
}

// labels returns what the detectors can tell.
func labels(detectors []named) []languages.Code {
	var all []languages.Code
	for _, d := range detectors {
		all = append(all, d.Languages()...)
	}
	return all
}

// identifiers makes an identifier of each detector, which looks for those of the served
// languages that it can tell.
func identifiers(detectors []named, served *langroute.Served) ([]languages.Identifier, error) {
	ids := make([]languages.Identifier, 0, len(detectors))
	sources := served.Sources()
	for _, d := range detectors {
		var among []languages.Code
		known := d.Languages()
		for _, code := range sources {
			if slices.ContainsFunc(known, code.Covers) {
				among = append(among, code)
			}
		}
		if len(sources) > 0 && len(among) == 0 {
			return nil, options.Wrong("detector", "%s knows none of the languages that are served (%s); leave it out, name another one, or serve one of: %s",
				d.name, served, join(known))
		}
		id, err := d.Among(among...)
		if err != nil {
			return nil, options.Wrong("detector", "%s: %w", d.name, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func join(codes []languages.Code) string {
	names := make([]string, len(codes))
	for i, c := range codes {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}
