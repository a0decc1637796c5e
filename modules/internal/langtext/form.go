// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
)

// maxParts is how many parts of a form are read. With more of them it is refused.
const maxParts = 1000

// maxName is the longest field name, in bytes, that is compared. Names that are
// configured longer match nothing.
const maxName = 256

// ErrForm says that a body is not the form that its content type promises. It says no
// more, because the causes quote the body.
var ErrForm = errors.New("read form: it is malformed")

// Form collects from a form, "application/x-www-form-urlencoded" or
// "multipart/form-data" (RFC 7578), the text of the configured fields in the order of
// configuration, and of fields that are there several times in that of the form. Parts
// that are files, or say that they are of a type other than text, do not count. Text
// is taken as it is, whatever its encoding. Of a form nothing but text is found.
//
// It returns ErrForm, and nothing is found then, for another content type, for a
// percent sign without two hexadecimal digits, and for parts that are not framed as
// they should be, lack their end or are more than a thousand.
func (r *Reader) Form(body []byte, contentType string, f *Found) error {
	f.Reset()
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ErrForm
	}
	fields := make([]Found, len(r.form)) // the text of each field
	switch media {
	case "application/x-www-form-urlencoded":
		err = r.readPairs(body, fields)
	case "multipart/form-data":
		err = r.readParts(body, params["boundary"], fields)
	default:
		err = ErrForm
	}
	if err != nil {
		return err
	}
	for i := range fields {
		if !slices.Contains(r.form[:i], r.form[i]) {
			f.addBytes(fields[i].Text)
		}
	}
	return nil
}

// field returns the position of a field, or -1.
func (r *Reader) field(name string) int { return slices.Index(r.form, name) }

// readPairs reads an urlencoded form.
func (r *Reader) readPairs(body []byte, fields []Found) error {
	var buf [maxName]byte
	for more := true; more; {
		var pair []byte
		pair, body, more = bytes.Cut(body, ampersand)
		name, value, _ := bytes.Cut(pair, equals)
		if !soundEscapes(pair) {
			return ErrForm
		}
		key := appendDecoded(buf[:0], name, maxName)
		if len(key) == maxName {
			continue
		}
		if i := r.field(string(key)); i >= 0 && !fields[i].full() {
			f := &fields[i]
			begun := f.begin()
			f.Text = appendDecoded(f.Text, value, MaxText)
			f.end(begun)
		}
	}
	return nil
}

// soundEscapes reports whether two hexadecimal digits follow every percent sign.
func soundEscapes(p []byte) bool {
	for {
		i := bytes.IndexByte(p, '%')
		if i < 0 {
			return true
		}
		if p = p[i+1:]; len(p) < 2 || hexValue(p[0]) < 0 || hexValue(p[1]) < 0 {
			return false
		}
		p = p[2:]
	}
}

// appendDecoded appends what a part of an urlencoded form, whose escapes are sound,
// stands for, until dst has limit bytes.
func appendDecoded(dst, p []byte, limit int) []byte {
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			c = byte(hexValue(p[i+1])<<4 | hexValue(p[i+2]))
			i += 2
		}
		if len(dst) >= limit {
			// With the character beyond the end it can be told what is to be cut.
			return cut(append(dst, c), limit)
		}
		dst = append(dst, c)
	}
	return dst
}

// hexValue returns the value of a hexadecimal digit, or -1.
func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}

// readParts reads a multipart form.
func (r *Reader) readParts(body []byte, boundary string, fields []Found) error {
	if boundary == "" {
		return ErrForm
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	var buf []byte
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if err == io.EOF { // wrapped, it is that of a form without its end
			return nil
		}
		if err != nil || n == maxParts {
			return ErrForm
		}
		i := r.field(part.FormName())
		if i < 0 || fields[i].full() || part.FileName() != "" || !isText(part.Header.Get("Content-Type")) {
			continue // the next part begins where this one ends
		}
		if buf == nil {
			buf = make([]byte, MaxText+1)
		}
		size, err := io.ReadFull(part, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return ErrForm
		}
		fields[i].addBytes(buf[:size])
	}
}

// isText reports whether the content type of a part, which need not have one, is text.
func isText(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && strings.HasPrefix(media, "text/")
}

var (
	ampersand = []byte("&")
	equals    = []byte("=")
)
