// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
)

// ErrorPages are an operator's own bodies of errors, and the choice of their form.
type ErrorPages interface {
	// Form is the form of all errors; by default, where ok is false, the client's
	// Accept header decides.
	Form() (f apierror.Form, ok bool)
	// Page returns a body of the form, or ok false where there is none for the error,
	// or it cannot be made.
	Page(f apierror.Form, e apierror.Error) (p ErrorPage, ok bool)
}

// ErrorPage is a body of an error.
type ErrorPage struct {
	Body []byte
	// ContentType is its media type.
	ContentType string
	// Policy is its Content-Security-Policy; empty sets none.
	Policy string
}

// mostPages is how many handlers may offer pages for one request.
const mostPages = 4

// errorPages are those that are offered for a request, the outermost first.
type errorPages struct {
	list [mostPages]ErrorPages
	n    int
}

// OfferPages makes p the first to be asked for the bodies of errors, before those who have
// offered any earlier in the chain; only the first four may.
func (rq *Request) OfferPages(p ErrorPages) {
	if rq.pages.n < mostPages {
		rq.pages.list[rq.pages.n] = p
		rq.pages.n++
	}
}

// errorBody makes the body of an error: what the client's library expects where its API is
// known, and otherwise what the client accepts, in the operator's own words where there are any.
func (rq *Request) errorBody(r *http.Request, shape apierror.Shape, e apierror.Error, h http.Header) ErrorPage {
	if shape == apierror.Kong && rq.kongBody != "" {
		return ErrorPage{Body: []byte(rq.kongBody), ContentType: shape.ContentType()}
	}
	if shape != apierror.Problem || rq.ShapeSet {
		return ErrorPage{Body: apierror.Append(make([]byte, 0, 512), shape, e), ContentType: shape.ContentType()}
	}
	form := rq.errorForm(r, h)
	for i := rq.pages.n - 1; i >= 0; i-- {
		if p, ok := rq.pages.list[i].Page(form, e); ok {
			return p
		}
	}
	switch form {
	case apierror.HTML:
		return ErrorPage{Body: apierror.AppendHTML(make([]byte, 0, 2048), e), ContentType: apierror.HTMLType, Policy: apierror.HTMLPolicy}
	case apierror.Plain:
		return ErrorPage{Body: apierror.AppendPlain(make([]byte, 0, 256), e), ContentType: apierror.PlainType}
	default:
		return ErrorPage{Body: apierror.Append(make([]byte, 0, 512), shape, e), ContentType: shape.ContentType()}
	}
}

// errorForm decides on the form, and tells caches where Accept has done so.
func (rq *Request) errorForm(r *http.Request, h http.Header) apierror.Form {
	for i := rq.pages.n - 1; i >= 0; i-- {
		if f, ok := rq.pages.list[i].Form(); ok {
			return f
		}
	}
	vary(h, "Accept")
	return apierror.Preferred(r.Header["Accept"])
}

// vary adds a name to Vary, unless it is there.
func vary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.TrimSpace(member); member == "*" || strings.EqualFold(member, name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}
