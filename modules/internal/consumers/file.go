// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// byteOrderMark is what some editors and spreadsheets put before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// sniffLength is how far ReadFile looks for the first character of a file whose
// name says nothing.
const sniffLength = 512

// ReadFile reads consumers from r as JSON when name ends in .json, as CSV when
// it ends in .csv, and otherwise as JSON when the contents start with a bracket
// or brace and as CSV when they do not. The name is used for that and for
// errors alone; nothing is opened.
func ReadFile(name string, r io.Reader) ([]Spec, error) {
	read := ReadCSV
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		read = ReadJSON
	case ".csv":
	default:
		buffered := bufio.NewReaderSize(r, sniffLength)
		start, _ := buffered.Peek(sniffLength) // a read error comes again below
		start = bytes.TrimSpace(bytes.TrimPrefix(start, byteOrderMark))
		if len(start) > 0 && (start[0] == '[' || start[0] == '{') {
			read = ReadJSON
		}
		r = buffered
	}
	specs, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return specs, nil
}
