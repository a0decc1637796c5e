// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// renderError answers a request whose chain ended in err. The server's error
// routes (handle_errors) come first; where they write nothing, the body is the
// error object that the client's library expects, with the correlation id. So
// it is where they fail themselves: the answer tells of the first error then.
// After the first byte there is nothing left to say: the error passes on.
func (rq *Request) renderError(r *http.Request, err error) error {
	failure, denial := rq.failureOf(r.Context(), err)
	w := &rq.writer
	rq.account.hold()
	if rq.Failure.Status == 0 {
		rq.Failure = failure
	}
	rq.aborted = rq.aborted || w.sent
	rq.account.release()
	if w.sent {
		return err
	}
	w.reset()
	h := w.Header()
	if denial == nil && rq.upstreamAnswered(failure.Status) {
		if v, _ := rq.repl.GetString("http.reverse_proxy.header.Retry-After"); v != "" {
			h.Set("Retry-After", v) // when to come back is the upstream's to say
		}
	}
	if denial != nil {
		if denial.RetryAfter > 0 {
			h.Set("Retry-After", retryAfterSeconds(denial.RetryAfter))
		}
		if denial.Allow != "" {
			h.Set("Allow", denial.Allow)
		}
		rq.kongBody = denial.KongBody
	}
	if rq.host != nil {
		rq.host.LogError(rq, r, err)
	}
	shape := rq.errorShape(r)
	if srv, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && srv != nil && srv.Errors != nil && len(srv.Errors.Routes) > 0 {
		restoreRequest(r)
		shape = rq.errorShape(r) // before error routes rewrite the path, which they share
		rerr := runErrorRoutes(srv.Errors, w, r, err)
		switch {
		case rerr == nil && w.header:
			return nil
		case rerr != nil && w.sent:
			rq.account.hold()
			rq.aborted = true
			rq.account.release()
			return rerr
		case rerr != nil:
			// Returned, it would make the server run its error routes again,
			// on a request that is closed by then.
			rq.logSecondError(r, rerr)
			w.reset()
			dropContent(h)
		}
	}
	return rq.writeError(w, r, failure, shape)
}

// restoreRequest makes r what the client sent, as the server itself does
// before it runs its error routes.
func restoreRequest(r *http.Request) {
	orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		return
	}
	r.Method, r.RemoteAddr, r.RequestURI = orig.Method, orig.RemoteAddr, orig.RequestURI
	if orig.URL == nil {
		return
	}
	u := *orig.URL
	if u.User != nil {
		user := new(url.Userinfo)
		*user = *u.User
		u.User = user
	}
	r.URL = &u
}

// runErrorRoutes runs the server's error routes with the error in the context.
//
// They are compiled for each error: the server's own compiled chain is out of
// reach, and ends in a handler that writes the bare status. Compiling takes
// about 0.3 microseconds for a route, little next to what running it takes; a
// cache by server would keep the servers of old configurations alive.
func runErrorRoutes(errs *caddyhttp.HTTPErrorConfig, w http.ResponseWriter, r *http.Request, err error) error {
	return compileErrorRoutes(errs.Routes).ServeHTTP(w, errs.WithError(r, err))
}

// logSecondError logs that an error route failed. The request still counts as
// failed with its first error.
func (rq *Request) logSecondError(r *http.Request, err error) {
	if rq.host == nil {
		return
	}
	first := rq.Failure
	defer func() { rq.Failure = first }()
	rq.Failure, _ = rq.failureOf(r.Context(), err)
	if rq.Failure.Status != StatusClientClosed && rq.Failure.Code != CodeClientClosed {
		// Whatever its status is, a broken error page is the server's fault.
		rq.Failure = Failure{
			Status: http.StatusInternalServerError, Code: "error_route_failed",
			Message: "An error route failed; the gateway answers in its place",
		}
	}
	rq.host.LogError(rq, r, err)
}

func (rq *Request) writeError(w *Writer, r *http.Request, f Failure, shape apierror.Shape) error {
	if isGRPC(r) {
		rq.writeGRPCError(w, r, f)
		return nil
	}
	h := w.Header()
	page := rq.errorBody(r, shape, apierror.Error{Status: f.Status, Code: f.Code, Message: f.Message, RequestID: rq.ID()}, h)
	h.Set("Content-Type", page.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(page.Body)))
	if page.Policy != "" {
		h.Set("Content-Security-Policy", page.Policy)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.ProtoMajor == 1 && rq.body == nil && r.Header.Get("Expect") != "" {
		// The client waits for leave to send its body. Without this the server
		// would read all of that before the client hears the answer.
		h.Set("Connection", "close")
	}
	w.WriteHeader(f.Status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(page.Body)
	return err
}

// errorShape is the error body that the client understands: what a handler
// decided, else what the request path says about the API that is spoken.
func (rq *Request) errorShape(r *http.Request) apierror.Shape {
	switch {
	case rq.KongErrors:
		return apierror.Kong
	case rq.ShapeSet:
		return rq.Shape
	}
	return ShapeOf(usage.EndpointOf(r.Method, r.URL.Path).Format)
}

// ShapeOf is the error body of the API that speaks format f.
func ShapeOf(f usage.Format) apierror.Shape {
	switch f {
	case usage.OpenAIChat, usage.OpenAIResponses, usage.OpenAIEmbeddings:
		return apierror.OpenAI
	case usage.AnthropicMessages:
		return apierror.Anthropic
	case usage.OllamaNative:
		return apierror.Ollama
	case usage.Gemini:
		return apierror.Gemini
	default:
		return apierror.Problem
	}
}

// reset takes back a header that was held and not yet sent, so that an error
// can be written in its place.
func (w *Writer) reset() {
	if w.status != 0 { // of this writer or of a tapped one further in
		dropContent(w.Header())
	}
	w.release()
	w.rq.account.hold()
	defer w.rq.account.release()
	w.header, w.status, w.expect, w.ntaps, w.editor = false, 0, -1, 0, nil
}

// contentHeaders say something about the body that they come with.
var contentHeaders = [...]string{
	"Content-Length", "Content-Encoding", "Content-Type", "Content-Disposition", "Content-Language", "Content-Location",
	"Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "Trailer",
}

// dropContent removes what a header says about a body that will not come.
func dropContent(h http.Header) {
	for _, name := range contentHeaders {
		delete(h, name)
	}
}
