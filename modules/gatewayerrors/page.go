// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayerrors

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"unicode"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
)

// Page is one body for errors.
type Page struct {
	// On are the statuses that it is for: numbers from 400 to 599, 4xx, 5xx, or any.
	On []string `json:"on"`

	// Body is the template; one of Body and File is given.
	Body string `json:"body,omitempty"`

	// File is the file that the template is read from when the configuration is loaded,
	// of at most 1 MiB.
	File string `json:"file,omitempty"`

	// ContentType is text/html or text/plain, with parameters or without. The page is
	// for clients that prefer this form. Default: text/html; charset=utf-8.
	ContentType string `json:"content_type,omitempty"`

	// Policy is the Content-Security-Policy of a page in HTML; "off" sets none. Default:
	// what comes from the same site, and styles in the page; no script, and no framing.
	Policy string `json:"policy,omitempty"`
}

const (
	// mostTemplate bounds a template, mostBody what it makes.
	mostTemplate = 1 << 20
	mostBody     = 4 << 20

	defaultPolicy = "default-src 'self'; script-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"base-uri 'none'; frame-ancestors 'none'"
)

// page is one that is ready, for one status or class.
type page struct {
	on          string
	status      int // or 0
	class       int // 4 or 5, or 0
	form        apierror.Form
	name        string // for the log
	contentType string
	policy      string
	template    interface {
		Execute(w io.Writer, data any) error
	}
}

// compile makes the pages ready, the most specific first.
func compile(list []Page) ([]page, error) {
	var all []page
	for i := range list {
		made, err := list[i].compile()
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", i+1, err)
		}
		for _, p := range made {
			if slices.ContainsFunc(all, func(have page) bool { return have.on == p.on && have.form == p.form }) {
				return nil, fmt.Errorf("page %d: there is a page in %s for %s already; keep one of them", i+1, p.form, p.on)
			}
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b page) int { return cmp.Compare(b.rank(), a.rank()) })
	return all, nil
}

// compile makes one ready for each status that it is for.
func (p *Page) compile() ([]page, error) {
	base, err := p.form()
	if err != nil {
		return nil, err
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	if base.form == apierror.HTML {
		base.template, err = htmltemplate.New(base.name).Parse(text)
	} else {
		base.template, err = texttemplate.New(base.name).Parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	sample := apierror.Error{Status: http.StatusNotFound, Code: "not_found", Message: "Not Found", RequestID: "a-request"}
	if _, err := base.execute(sample); err != nil {
		return nil, fmt.Errorf("try template: %w", err)
	}
	if len(p.On) == 0 {
		return nil, errors.New("it is for no status; write for example: 404, 4xx or any")
	}
	var made []page
	for _, on := range p.On {
		one := base
		if err := one.setStatus(on); err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}

// form reads the content type.
func (p *Page) form() (page, error) {
	made := page{name: cmp.Or(p.File, "body"), contentType: cmp.Or(p.ContentType, apierror.HTMLType)}
	mediaType, _, err := mime.ParseMediaType(made.contentType)
	switch {
	case err == nil && mediaType == "text/html":
		made.form = apierror.HTML
		if made.policy = cmp.Or(p.Policy, defaultPolicy); made.policy == "off" {
			made.policy = ""
		}
	case err == nil && mediaType == "text/plain":
		made.form = apierror.Plain
		if p.Policy != "" {
			return page{}, errors.New("plain text has no policy")
		}
	default:
		return page{}, fmt.Errorf("content type is %q; write text/html or text/plain. Errors in JSON are problem objects, whose form is fixed", made.contentType)
	}
	if strings.ContainsFunc(made.contentType+made.policy, unicode.IsControl) {
		return page{}, errors.New("content type or policy holds a control character")
	}
	return made, nil
}

// text returns the template.
func (p *Page) text() (string, error) {
	if (p.Body == "") == (p.File == "") {
		return "", errors.New("write one of body and file")
	}
	if p.File == "" {
		return p.Body, nil
	}
	f, err := os.Open(p.File)
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostTemplate+1))
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	if len(data) > mostTemplate {
		return "", fmt.Errorf("read template: %s is larger than 1 MiB", p.File)
	}
	return string(data), nil
}

func (p *page) setStatus(on string) error {
	p.on = on
	switch on {
	case "any":
		return nil
	case "4xx", "5xx":
		p.class = int(on[0] - '0')
		return nil
	}
	n, err := strconv.Atoi(on)
	if err != nil || n < 400 || n > 599 {
		return fmt.Errorf("%q is no status of an error; write a number from 400 to 599, 4xx, 5xx or any", on)
	}
	p.status = n
	return nil
}

// rank is higher for what is more specific.
func (p *page) rank() int {
	switch {
	case p.status != 0:
		return 2
	case p.class != 0:
		return 1
	default:
		return 0
	}
}

func (p *page) fits(status int) bool {
	switch {
	case p.status != 0:
		return p.status == status
	case p.class != 0:
		return p.class == status/100
	default:
		return true
	}
}

// execute makes the body.
func (p *page) execute(e apierror.Error) ([]byte, error) {
	if p.form == apierror.Plain { // which has no escapes
		e.Message, e.RequestID = apierror.Printable(e.Message), apierror.Printable(e.RequestID)
	}
	b := bounded{left: mostBody}
	err := p.template.Execute(&b, struct {
		Status                          int
		Title, Code, Message, RequestID string
	}{e.Status, apierror.Title(e.Status), e.Code, e.Message, e.RequestID})
	return b.buf.Bytes(), err
}

// bounded is a buffer that does not grow without end.
type bounded struct {
	buf  bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("the body is larger than 4 MiB")
	}
	return b.buf.Write(p)
}
