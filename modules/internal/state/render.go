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
// error object that the client's library expects, with the correlation id.
// After the first byte there is nothing left to say: the error passes on.
func (rq *Request) renderError(r *http.Request, err error) error {
	failure, denial := rq.failureOf(r.Context(), err)
	if rq.Failure.Status == 0 {
		rq.Failure = failure
	}
	w := &rq.writer
	if w.sent {
		rq.aborted = true
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
	}
	if rq.host != nil {
		rq.host.LogError(rq, r, err)
	}
	if srv, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && srv != nil {
		if rerr := offerToErrorRoutes(srv, w, r, err); rerr != nil {
			return rerr
		}
		if w.header {
			return nil
		}
	}
	return rq.writeError(w, r, failure)
}

// offerToErrorRoutes runs the server's error routes as the server itself
// would: with the original request line and the error in the context.
func offerToErrorRoutes(srv *caddyhttp.Server, w http.ResponseWriter, r *http.Request, err error) error {
	if srv.Errors == nil || len(srv.Errors.Routes) == 0 {
		return nil
	}
	if orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		r.Method, r.RemoteAddr, r.RequestURI = orig.Method, orig.RemoteAddr, orig.RequestURI
		if orig.URL != nil {
			u := *orig.URL
			if u.User != nil {
				user := new(url.Userinfo)
				*user = *u.User
				u.User = user
			}
			r.URL = &u
		}
	}
	nothing := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	return srv.Errors.Routes.Compile(nothing).ServeHTTP(w, srv.Errors.WithError(r, err))
}

func (rq *Request) writeError(w *Writer, r *http.Request, f Failure) error {
	shape := rq.errorShape(r)
	body := apierror.Append(make([]byte, 0, 512), shape, apierror.Error{
		Status: f.Status, Code: f.Code, Message: f.Message, RequestID: rq.ID(),
	})
	h := w.Header()
	h.Set("Content-Type", shape.ContentType())
	h.Set("Content-Length", strconv.Itoa(len(body)))
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
	_, err := w.Write(body)
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
	if w.header {
		h := w.Header()
		for _, name := range [...]string{"Content-Length", "Content-Encoding", "Content-Type", "Etag", "Last-Modified", "Digest"} {
			delete(h, name)
		}
	}
	w.release()
	w.header, w.status, w.expect, w.ntaps = false, 0, -1, 0
}
