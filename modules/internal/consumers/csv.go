// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// csvColumns are the columns a header row may name, in the order of the switch
// that reads them.
var csvColumns = []string{"name", "custom_id", "tags", "groups", "allow_ips", "models", "key", "not_before", "until", "plan"}

// ReadCSV reads consumers from comma-separated values (RFC 4180). The first row
// names the columns, in any order: name, which must be there, and any of
// custom_id, tags, groups, key, not_before, until, allow_ips, models, plan. Tags,
// groups, addresses and models are separated by spaces or semicolons. Spaces
// around a field are dropped.
//
// A further row with the name of an earlier one adds a key to that consumer.
// Its custom_id, tags, groups, allow_ips, models and plan must be empty or the
// same as in the first. What a key narrows can be written in JSON only.
//
// An error names the line.
func ReadCSV(r io.Reader) ([]Spec, error) {
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) {
		_, _ = buffered.Discard(len(byteOrderMark))
	}
	reader := csv.NewReader(buffered)
	reader.ReuseRecord = true
	reader.TrimLeadingSpace = true
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("no header row")
	}
	if err != nil {
		return nil, fmt.Errorf("read header row: %w", err)
	}
	columns, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	var specs []Spec
	index := map[string]int{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return specs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		row := parseRow(columns, record)
		i, again := index[row.Name]
		switch {
		case row.Name == "":
			err = errors.New("the name is empty")
		case again:
			err = addKey(&specs[i], &row)
		default:
			index[row.Name] = len(specs)
			specs = append(specs, row)
		}
		if err != nil {
			line, _ := reader.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// parseHeader returns for each column its index in csvColumns. It does not
// quote an unknown column: where the header row is missing, it may be a key.
func parseHeader(header []string) ([]int, error) {
	columns := make([]int, len(header))
	for i, name := range header {
		columns[i] = slices.Index(csvColumns, strings.TrimSpace(name))
		if columns[i] < 0 {
			return nil, fmt.Errorf("line 1: column %d of the header row is none of %s", i+1, strings.Join(csvColumns, ", "))
		}
		if slices.Contains(columns[:i], columns[i]) {
			return nil, fmt.Errorf("line 1: column %q appears twice", csvColumns[columns[i]])
		}
	}
	if !slices.Contains(columns, 0) {
		return nil, errors.New(`line 1: the header row has no column "name"`)
	}
	return columns, nil
}

func parseRow(columns []int, record []string) Spec {
	var s Spec
	var k KeySpec
	for i, field := range record {
		// All fields of a row share one string, keys among them: what is kept
		// must not keep the row.
		field = strings.Clone(strings.TrimSpace(field))
		switch columns[i] {
		case 0:
			s.Name = field
		case 1:
			s.CustomID = field
		case 2:
			s.Tags = splitList(field)
		case 3:
			s.Groups = splitList(field)
		case 4:
			s.AllowIPs = splitList(field)
		case 5:
			s.Models = splitList(field)
		case 6:
			k.Key = field
		case 7:
			k.NotBefore = field
		case 8:
			k.Until = field
		case 9:
			s.Plan = field
		}
	}
	// A time without a key is kept, so that Build reports the empty key.
	if k.Key != "" || k.NotBefore != "" || k.Until != "" {
		s.Keys = []KeySpec{k}
	}
	return s
}

// addKey adds the key of a further row to the consumer of an earlier one.
func addKey(s, row *Spec) error {
	if len(row.Keys) == 0 {
		return fmt.Errorf("consumer %s is there already, and the row adds no key", quote(s.Name))
	}
	if row.CustomID != "" && row.CustomID != s.CustomID || row.Plan != "" && row.Plan != s.Plan ||
		differs(row.Tags, s.Tags) || differs(row.Groups, s.Groups) ||
		differs(row.AllowIPs, s.AllowIPs) || differs(row.Models, s.Models) {
		return fmt.Errorf("consumer %s is there already with other settings; leave all but the key empty in further rows", quote(s.Name))
	}
	s.Keys = append(s.Keys, row.Keys...)
	return nil
}

func differs(further, first []string) bool {
	return len(further) > 0 && !slices.Equal(further, first)
}

// splitList returns nil for a field without elements.
func splitList(field string) []string {
	if field == "" {
		return nil
	}
	return strings.FieldsFunc(field, func(r rune) bool { return r == ';' || unicode.IsSpace(r) })
}
