// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apierror

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"strconv"
	"strings"
	"unicode"
)

// style is the whole style sheet of the page. It is allowed by its digest.
const style = `:root{color-scheme:light dark;--ink:#1c1c1e;--dim:#5c5c62;--ground:#fbfbfa;--line:#d9d9d6}` +
	`@media(prefers-color-scheme:dark){:root{--ink:#ececee;--dim:#a3a3aa;--ground:#19191b;--line:#3a3a3e}}` +
	`body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}` +
	`main{max-width:36rem;padding:2rem;overflow-wrap:anywhere}` +
	`h1{margin:0 0 .75rem;font-size:1.5rem}p{margin:0 0 1.5rem}` +
	`dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0;padding-top:1rem;border-top:1px solid var(--line);color:var(--dim);font-size:.875rem}` +
	`dd{margin:0;font-family:ui-monospace,monospace;user-select:all}`

// Content types of the forms that are no JSON.
const (
	HTMLType  = "text/html; charset=utf-8"
	PlainType = "text/plain; charset=utf-8"
)

// HTMLPolicy is the Content-Security-Policy of the page of [AppendHTML]: nothing is loaded,
// run or framed, and its own style sheet is the only one.
var HTMLPolicy = func() string {
	digest := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// AppendHTML appends a page that tells a person of e. It needs no other resource, follows
// the light or dark scheme of the browser, and shows the correlation id to be quoted.
func AppendHTML(dst []byte, e Error) []byte {
	heading := html.EscapeString(Title(e.Status))
	dst = append(dst, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(append(append(dst, ' '), heading...), `</title><style>`...)
	dst = append(append(dst, style...), `</style></head><body><main><h1>`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(append(append(dst, ' '), heading...), `</h1>`...)
	if e.Message != "" && e.Message != Title(e.Status) {
		dst = append(append(append(dst, `<p>`...), html.EscapeString(Printable(e.Message))...), `</p>`...)
	}
	if e.Code+e.RequestID != "" {
		dst = append(dst, `<dl>`...)
		dst = appendTerm(dst, "Code", e.Code)
		dst = appendTerm(dst, "Request", e.RequestID)
		dst = append(dst, `</dl>`...)
	}
	return append(dst, "</main></body></html>\n"...)
}

func appendTerm(dst []byte, term, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, `<dt>`...), term...), `</dt><dd>`...)
	return append(append(dst, html.EscapeString(Printable(value))...), `</dd>`...)
}

// AppendPlain appends the same as text, one line for each thing that is known.
func AppendPlain(dst []byte, e Error) []byte {
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(append(append(dst, ' '), Title(e.Status)...), '\n')
	if e.Message != "" && e.Message != Title(e.Status) {
		dst = append(append(dst, Printable(e.Message)...), '\n')
	}
	if e.Code != "" {
		dst = append(append(append(dst, "Code: "...), Printable(e.Code)...), '\n')
	}
	if e.RequestID != "" {
		dst = append(append(append(dst, "Request: "...), Printable(e.RequestID)...), '\n')
	}
	return dst
}

// Printable returns s in UTF-8 and on one line, without characters that move what is shown.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return unicode.ReplacementChar
		default:
			return c
		}
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
