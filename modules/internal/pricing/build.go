// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

const (
	schemaVersion = 1
	unitName      = "USD_per_1M_tokens"
)

// rawModel is decoded apart from the table, so that errors can name the model.
type rawModel = json.RawMessage

// parseOwn reads the format of this package.
func parseOwn(data []byte, sum string) (*Book, error) {
	if err := checkDuplicates(data); err != nil {
		return nil, err
	}
	var file fileTable
	if err := decodeStrict(data, &file); err != nil {
		return nil, err
	}
	if file.Schema != schemaVersion {
		return nil, fmt.Errorf("schema: version %d is not supported, want %d", file.Schema, schemaVersion)
	}
	if file.Unit != unitName {
		return nil, fmt.Errorf("unit: want %q, not %q", unitName, file.Unit)
	}
	if _, err := parseDate(file.AsOf); err != nil {
		return nil, fmt.Errorf("as_of: %w", err)
	}
	var b builder
	for i, raw := range file.Models {
		if err := b.add(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", describe(raw, i), err)
		}
	}
	return newBook(file.AsOf+" "+sum, b.warnings, b.models), nil
}

// describe names a model that may not be valid.
func describe(raw rawModel, i int) string {
	var m struct{ ID, Provider any }
	// What does not decode is named by its position alone.
	_ = json.Unmarshal(raw, &m)
	id, _ := m.ID.(string)
	provider, _ := m.Provider.(string)
	return fmt.Sprintf("models[%d] %q (%s)", i, id, provider)
}

// builder collects the models of a table.
type builder struct {
	models   []*Model
	taken    map[nameKey]string // id of the model that has the name
	warnings []string
}

// add checks a model and resolves its prices.
func (b *builder) add(raw rawModel) error {
	var f fileModel
	if err := decodeStrict(raw, &f); err != nil {
		return err
	}
	m := &Model{ID: f.ID, Provider: f.Provider, MaxInput: f.MaxInput, MaxOutput: f.MaxOutput}
	switch {
	case f.ID == "" || strings.Contains(f.ID, "*"):
		return errors.New("id: want the name of a model, without \"*\"")
	case f.Provider == "":
		return errors.New("provider: missing")
	case f.MaxInput < 0 || f.MaxOutput < 0:
		return errors.New("max_input, max_output: a limit is negative")
	case len(f.Prices) == 0:
		return errors.New("prices: missing")
	}
	if err := b.claim(m, append([]string{f.ID}, f.Match...)); err != nil {
		return err
	}
	for i := range f.Prices {
		path := fmt.Sprintf("prices[%d]", i)
		r, err := b.row(&f.Prices[i], m, path)
		if err != nil {
			return fmt.Errorf("%s%w", path, err)
		}
		if i > 0 && !r.from.After(m.rows[i-1].from) {
			return fmt.Errorf("%s.from: rows must be in the order of the instants they take effect", path)
		}
		m.rows = append(m.rows, r)
	}
	b.models = append(b.models, m)
	return nil
}

// claim registers the names of a model, each of which may belong to one only.
func (b *builder) claim(m *Model, names []string) error {
	if b.taken == nil {
		b.taken = make(map[nameKey]string)
	}
	for _, name := range names {
		key := nameKey{m.Provider, name}
		if id, ok := b.taken[key]; ok {
			return fmt.Errorf("match: the name %q is already taken by %q", name, id)
		}
		if name == "" {
			return errors.New("match: a name is empty")
		}
		b.taken[key] = m.ID
	}
	m.names = names
	return nil
}

// row converts one row. Its errors begin with the path below the row.
func (b *builder) row(f *fileRow, m *Model, path string) (r row, err error) {
	if f.From != "" {
		if r.from, err = parseInstant(f.From); err != nil {
			return r, fmt.Errorf(".from: %w", err)
		}
	}
	var s statement
	if s.tariff, err = f.fileTariff.tariff(); err != nil {
		return r, err
	}
	for _, c := range []usage.Class{usage.Input, usage.Output} {
		if !s.has[c] {
			return r, fmt.Errorf(".%s: missing; write \"0\" when it is free", c)
		}
	}
	if fee := f.Fees.WebSearch; fee != nil {
		amount, err := money.ParseUSD(*fee)
		if err != nil || amount < 0 {
			return r, fmt.Errorf(".fees.web_search: %q is not a price per call in USD such as \"0.01\"", *fee)
		}
		s.set(usage.WebSearch, money.Rate(amount))
	}
	for i, t := range [numServices]*fileTariff{batch: f.Batch, flex: f.Flex, priority: f.Priority} {
		if t == nil {
			continue
		}
		own, err := t.tariff()
		if err != nil {
			return r, fmt.Errorf(".%s%w", serviceNames[i], err)
		}
		s.services[i] = &own
	}
	if r.schedule, err = f.schedule(&s); err != nil {
		return r, err
	}
	if r.geo, err = parseMultipliers(f.Multipliers); err != nil {
		return r, err
	}
	s.eachOutlier(func(text string) {
		b.warnings = append(b.warnings, fmt.Sprintf("model %q (%s), %s%s", m.ID, m.Provider, path, text))
	})
	r.plans = s.resolve()
	return r, r.check()
}

// schedule converts the windows of the row into s and their hours.
func (f *fileRow) schedule(s *statement) (*schedule, error) {
	if len(f.Windows) == 0 {
		return nil, nil
	}
	if len(f.Windows) > maxWindows {
		return nil, fmt.Errorf(".windows: more than %d", maxWindows)
	}
	var hours schedule
	for i := range f.Windows {
		w, err := f.Windows[i].window(i+1, &hours)
		if err != nil {
			return nil, fmt.Errorf(".windows[%d]%w", i, err)
		}
		s.windows = append(s.windows, w)
	}
	return &hours, nil
}

// window converts window number n and enters its hours into the schedule.
func (f *fileWindow) window(n int, hours *schedule) (w window, err error) {
	zone, err := time.LoadLocation(f.TZ)
	if err != nil || f.TZ == "" || f.TZ == "Local" {
		return w, fmt.Errorf(".tz: %q is not a known time zone such as \"UTC\"", f.TZ)
	}
	if hours.zone != nil && hours.zone.String() != zone.String() {
		return w, errors.New(".tz: all windows of a row must be in the same zone")
	}
	hours.zone = zone
	days, err := parseDays(f.Days)
	if err != nil {
		return w, fmt.Errorf(".days: %w", err)
	}
	var spans []span
	for _, text := range f.Hours {
		h, err := parseSpan(text)
		if err != nil {
			return w, fmt.Errorf(".hours: %w", err)
		}
		spans = append(spans, h)
	}
	if len(spans) == 0 {
		return w, errors.New(".hours: missing")
	}
	if err := hours.add(n, days, spans); err != nil {
		return w, fmt.Errorf(".hours: %w", err)
	}
	for _, text := range f.Except {
		day, err := parseDate(text)
		if err != nil {
			return w, fmt.Errorf(".except: %w", err)
		}
		hours.except[n] = append(hours.except[n], day.Year()*10000+int(day.Month())*100+day.Day())
	}
	w.name = f.Name
	if w.name == "" {
		w.name = fmt.Sprintf("window%d", n)
	}
	w.tariff, err = f.fileTariff.tariff()
	return w, err
}

// parseMultipliers reads factors by place of inference.
func parseMultipliers(texts map[string]string) (map[string]money.Ratio, error) {
	var geo map[string]money.Ratio
	for key, text := range texts {
		place, ok := strings.CutPrefix(key, "inference_geo=")
		if !ok || place == "" {
			return nil, fmt.Errorf(".multipliers: %q is not of the form \"inference_geo=us\"", key)
		}
		ratio, err := money.ParseRatio(text)
		if err != nil {
			return nil, fmt.Errorf(".multipliers: %s: %w", key, err)
		}
		if geo == nil {
			geo = make(map[string]money.Ratio)
		}
		geo[strings.ToLower(place)] = ratio
	}
	return geo, nil
}
