// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// exchange is one request and its answer.
type exchange struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	start  time.Time
	number int64 // of the request, from 1; 0 for a GET
	body   []byte
	events int // of the stream, sent so far
}

// readBody reads the request's body up to maxBody.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *failure) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &failure{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the request body is larger than %d bytes", maxBody)}
	case err != nil:
		return nil, &failure{status: http.StatusBadRequest, message: "the request body could not be read"}
	}
	return body, nil
}

// decode reads the body into v.
func (x *exchange) decode(v any) error {
	if err := json.Unmarshal(x.body, v); err != nil {
		return &failure{status: http.StatusBadRequest, message: "the request body is not valid JSON for this endpoint: " + err.Error()}
	}
	return nil
}

// id names an answer. It differs between the requests of one handler only.
func (x *exchange) id(prefix string) string {
	return fmt.Sprintf("%s%08d", prefix, x.number)
}

// writeJSON answers with v as the whole body.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	w.WriteHeader(status)
	// A client that has gone away is no failure of this handler.
	_, _ = w.Write(b)
	return nil
}

// answer writes v as a successful answer.
func (x *exchange) answer(v any) error { return writeJSON(x.w, http.StatusOK, v) }

// errGone ends a stream whose client has gone away.
var errGone = errors.New("the client has gone away")

// openStream sends the header of a stream.
func (x *exchange) openStream(contentType string) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Cache-Control", "no-cache")
	x.w.WriteHeader(http.StatusOK)
}

// sse sends v as one server-sent event; without a name, it carries data only.
func (x *exchange) sse(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	frame := make([]byte, 0, len(name)+len(b)+16)
	if name != "" {
		frame = append(append(append(frame, "event: "...), name...), '\n')
	}
	frame = append(append(append(frame, "data: "...), b...), "\n\n"...)
	return x.send(frame)
}

// line sends v as one line of NDJSON.
func (x *exchange) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	return x.send(append(b, '\n'))
}

// send writes one event of a stream and flushes it. It keeps the interval
// between events and breaks the connection where the configuration says so.
func (x *exchange) send(frame []byte) error {
	if x.h.CutAfter > 0 && x.events == x.h.CutAfter {
		panic(http.ErrAbortHandler)
	}
	if x.events > 0 {
		if pause(x.r.Context(), x.h.EventInterval) != nil {
			return errGone
		}
	}
	x.events++
	if _, err := x.w.Write(frame); err != nil {
		return errGone
	}
	if err := http.NewResponseController(x.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errGone
	}
	return nil
}

// stream runs the steps of a stream until one fails. That the client has gone
// away is no error.
func (x *exchange) stream(contentType string, steps func() error) error {
	x.openStream(contentType)
	if err := steps(); err != nil && !errors.Is(err, errGone) {
		return err
	}
	return nil
}
