// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Parse reads a price file: the format of this package or LiteLLM's
// model_prices_and_context_window.json, told apart by their shape. The name is
// used in errors.
//
// The own format is read strictly: unknown fields, duplicates and impossible
// prices are errors that name the model and field. A syntax error names the
// line. LiteLLM's table is read leniently: entries that price no tokens are
// passed over, and impossible prices are left out with a warning.
func Parse(data []byte, name string) (*Book, error) {
	if err := checkSyntax(data); err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil || top == nil {
		return nil, fmt.Errorf("%s: the top level must be a JSON object", name)
	}
	digest := sha256.Sum256(data)
	sum := "sha256:" + hex.EncodeToString(digest[:6])
	var book *Book
	var err error
	switch {
	case top["schema"] != nil || top["models"] != nil:
		book, err = parseOwn(data, sum)
	case looksLikeLiteLLM(top):
		book, err = parseLiteLLM(top, sum)
	default:
		err = errors.New("neither a price table with \"schema\" and \"models\" nor LiteLLM's table of models")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, w := range book.warnings {
		book.warnings[i] = name + ": " + w
	}
	return book, nil
}

// checkSyntax reports a syntax error with its line and column.
func checkSyntax(data []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("%s: %w", position(data, syntax.Offset), err)
	}
	return err
}

// position returns "line:column" of a byte offset.
func position(data []byte, offset int64) string {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("%d:%d", line, column)
}

// decodeStrict decodes valid JSON into v and refuses unknown fields.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if mismatch := (*json.UnmarshalTypeError)(nil); errors.As(err, &mismatch) {
		return fmt.Errorf("%s: a %s cannot stand here; prices are decimal strings such as \"0.15\"", withoutTypes(mismatch.Field), mismatch.Value)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// withoutTypes removes the names of embedded types from the path of a field,
// which mean nothing to the author of a file.
func withoutTypes(path string) string {
	path = strings.ReplaceAll(path, "fileTariff.", "")
	return strings.ReplaceAll(path, "filePrices.", "")
}

// checkDuplicates refuses objects that hold a name twice, of which the
// decoder would silently keep the last. It expects valid JSON.
func checkDuplicates(data []byte) error {
	type level struct {
		names []string
		isMap bool
		value bool // a value is due, not a name
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var stack []level
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].isMap {
			top := &stack[n-1]
			if !top.value {
				// Names match struct fields without regard to letter case.
				field := strings.ToLower(token.(string))
				if slices.Contains(top.names, field) {
					return fmt.Errorf("line %s: %q appears twice", position(data, d.InputOffset()), token)
				}
				top.names = append(top.names, field)
			}
			top.value = !top.value
		}
		if delim, ok := token.(json.Delim); ok {
			stack = append(stack, level{isMap: delim == '{'})
		}
	}
}
