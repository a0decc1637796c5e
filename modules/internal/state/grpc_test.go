// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestGRPCError(t *testing.T) {
	t.Parallel()
	rows := []struct {
		status int
		want   string
	}{
		{http.StatusTooManyRequests, "8"},
		{http.StatusPaymentRequired, "8"},
		{http.StatusUnauthorized, "16"},
		{http.StatusForbidden, "7"},
		{http.StatusBadRequest, "3"},
		{http.StatusNotFound, "12"},
		{http.StatusServiceUnavailable, "14"},
		{http.StatusGatewayTimeout, "4"},
		{StatusClientClosed, "1"},
		{http.StatusInternalServerError, "13"},
		{http.StatusTeapot, "2"},
	}
	for _, row := range rows {
		r := httptest.NewRequest(http.MethodPost, "/echo.Echo/Say", nil)
		r.ProtoMajor = 2
		r.Header.Set("Content-Type", "application/grpc+proto")
		rec := httptest.NewRecorder()
		rq := new(Request)
		rq.writer.init(rq, rec, r)
		if !isGRPC(r) {
			t.Fatal("not taken for gRPC")
		}
		if err := rq.writeError(&rq.writer, r, Failure{Status: row.status, Code: "demo", Message: "50 % of ü"}, 0); err != nil {
			t.Fatal(err)
		}
		h := rec.Header()
		if rec.Code != http.StatusOK || h.Get("Grpc-Status") != row.want || h.Get("Content-Type") != "application/grpc+proto" || rec.Body.Len() != 0 {
			t.Errorf("%d: %d %v %q, want grpc-status %s", row.status, rec.Code, h, rec.Body, row.want)
		}
		if got, want := h.Get("Grpc-Message"), "demo: 50 %25 of %C3%BC"; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Content-Type", "application/grpc")
	if isGRPC(r) {
		t.Error("gRPC needs HTTP/2")
	}
}
