// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// toUpstream puts the request where reverse_proxy has it when it makes its
// logger. TestEncoderDefersForReverseProxy shows that it does.
func toUpstream(r caddyhttp.LoggableHTTPRequest) caddyhttp.LoggableHTTPRequest {
	ctx := context.WithValue(r.Context(), caddy.CtxKey("reverse_proxy.dial_info"), reverseproxy.DialInfo{Address: "127.0.0.1:1"})
	r.Request = r.WithContext(httptrace.WithClientTrace(ctx, new(httptrace.ClientTrace)))
	return r
}

// plainRequest has one header, so that its JSON is always the same.
func plainRequest(t testing.TB) caddyhttp.LoggableHTTPRequest {
	t.Helper()
	r := canaryRequest(t)
	r.RequestURI = "/v1/x"
	r.Header = http.Header{"X-Plain": {"one", "two"}}
	return r
}

// journal is an encoder that counts what is asked of the one it wraps.
type journal struct {
	zapcore.Encoder
	clones *atomic.Int64
}

func (j journal) Clone() zapcore.Encoder {
	j.clones.Add(1)
	return journal{j.Encoder.Clone(), j.clones}
}

func (j journal) EncodeEntry(ent zapcore.Entry, list []zapcore.Field) (*buffer.Buffer, error) {
	return j.Encoder.EncodeEntry(ent, list)
}

// journaled returns an encoder of JSON without time and level.
func journaled() (enc *deferral, clones *atomic.Int64) {
	clones = new(atomic.Int64)
	return &deferral{wrapped: journal{plainJSON(), clones}}, clones
}

func plainJSON() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg", EncodeDuration: zapcore.NanosDurationEncoder, EncodeTime: zapcore.EpochNanosTimeEncoder})
}

func encoded(t testing.TB, enc zapcore.Encoder, list ...zapcore.Field) string {
	t.Helper()
	buf, err := enc.EncodeEntry(zapcore.Entry{Message: "m"}, list)
	if err != nil {
		t.Fatal(err)
	}
	defer buf.Free()
	return buf.String()
}

// with is what zap does for a logger with fields.
func with(enc zapcore.Encoder, list ...zapcore.Field) zapcore.Encoder {
	c := enc.Clone()
	for _, f := range list {
		f.AddTo(c)
	}
	return c
}

// TestDeferralWritesWhatJSONWrites: without secrets, lines are the same as
// those of the wrapped format, members in the same order.
func TestDeferralWritesWhatJSONWrites(t *testing.T) {
	proxied, local := toUpstream(plainRequest(t)), plainRequest(t)
	request := zap.Object("request", proxied)
	numbers := []zapcore.Field{
		zap.Bool("b", true), zap.Complex128("c", 1), zap.Complex64("c6", 2), zap.Duration("d", time.Second), zap.Float64("f", 1.5), zap.Float32("f3", 2.5),
		zap.Int("i", -1), zap.Int64("i6", -2), zap.Int32("i3", -3), zap.Int16("i1", -4), zap.Int8("i8", -5), zap.String("s", "t"),
		zap.Time("t", time.Unix(1, 2)), zap.Time("far", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)),
		zap.Uint("u", 1), zap.Uint64("u6", 2), zap.Uint32("u3", 3), zap.Uint16("u1", 4), zap.Uint8("u8", 5), zap.Uintptr("up", 6),
		zap.Binary("bin", []byte("x")), zap.ByteString("bs", []byte("y")), zap.Strings("l", []string{"z"}), zap.Any("a", map[string]int{"n": 1}),
		zap.Error(context.Canceled), zap.Stringer("st", time.Second), zap.Skip(),
	}
	type fieldsOf = []zapcore.Field
	rows := []struct {
		name string
		with []fieldsOf // one after the other
		list fieldsOf   // of the entry
	}{
		{"nothing", nil, nil},
		{"reverse_proxy", []fieldsOf{{zap.String("upstream", "u"), zap.Duration("duration", 1), request}}, fieldsOf{zap.Int("status", 200)}},
		{"only before", []fieldsOf{{request}}, nil},
		{"request of another handler", []fieldsOf{{zap.Int("a", 1), zap.Object("request", local), zap.Int("b", 2)}}, nil},
		{"FastCGI", []fieldsOf{{request, zap.Object("env", env{"HTTP_X_PLAIN": "v"})}}, fieldsOf{zap.Int("n", 1)}},
		{"namespace behind the request", []fieldsOf{{request, zap.Namespace("n"), zap.Int("a", 1)}}, fieldsOf{zap.Int("b", 2)}},
		{"namespace before the request", []fieldsOf{{zap.Namespace("n"), request}}, fieldsOf{zap.Int("b", 2)}},
		{"namespaces and a list", []fieldsOf{{zap.Namespace("n"), request, zap.Strings("l", []string{"v"}), zap.Namespace("o"), request}}, fieldsOf{zap.Namespace("p"), request}},
		{"clones of clones", []fieldsOf{{zap.Int("a", 1), zap.Int("b", 2)}, {request}, {zap.Int("c", 3), zap.Int("d", 4)}}, fieldsOf{zap.Int("e", 5)}},
		{"clone of what is encoded", []fieldsOf{{zap.Int("a", 1), zap.Strings("l", nil)}, {request, zap.Int("c", 3)}}, nil},
		{"every kind before", []fieldsOf{numbers}, nil},
		{"every kind in the entry", nil, numbers},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			wanted := plainJSON()
			enc, _ := journaled()
			var got zapcore.Encoder = enc
			for _, list := range row.with {
				wanted, got = with(wanted, list...), with(got, list...)
			}
			want := encoded(t, wanted, row.list...)
			for range 2 { // a line leaves no trace
				if line := encoded(t, got, row.list...); line != want {
					t.Fatalf("got  %swant %s", line, want)
				}
			}
		})
	}
}

// TestDeferralWaits tells what waits for a line from what does not, by what a
// later change of the request does to it.
func TestDeferralWaits(t *testing.T) {
	rows := []struct {
		name   string
		r      caddyhttp.LoggableHTTPRequest
		behind []zapcore.Field
		clones int64
		want   string
	}{
		{"to an upstream", toUpstream(plainRequest(t)), []zapcore.Field{zap.Int("n", 1)}, 0, "later"},
		{"of another handler", plainRequest(t), nil, 1, "one"},
		{"before a list", toUpstream(plainRequest(t)), []zapcore.Field{zap.Strings("l", nil)}, 1, "one"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			enc, clones := journaled()
			c := with(enc, append([]zapcore.Field{zap.String("upstream", "u"), zap.Object("request", row.r)}, row.behind...)...)
			if n := clones.Load(); n != row.clones {
				t.Errorf("%d copies of the wrapped encoder, want %d", n, row.clones)
			}
			row.r.Header["X-Plain"] = []string{"later"}
			if line := encoded(t, c); !strings.Contains(line, row.want) {
				t.Errorf("the line lacks %s: %s", row.want, line)
			}
		})
	}
}

func TestDeferralOfNoRequest(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a request that is none waits, to fail in a place that says nothing")
		}
	}()
	enc, _ := journaled()
	with(enc, zap.Object("request", caddyhttp.LoggableHTTPRequest{}))
}

// TestDeferralKeepsClientAddress: handlers may write to the variables of the
// request while a line is written.
func TestDeferralKeepsClientAddress(t *testing.T) {
	r := toUpstream(plainRequest(t))
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "192.0.2.7")
	enc, _ := journaled()
	c := with(enc, zap.Object("request", r))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 1000 {
			caddyhttp.SetVar(r.Context(), fmt.Sprint("v", i), i)
		}
		caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "192.0.2.8")
	})
	wg.Go(func() {
		for range 100 {
			if line := encoded(t, c); !strings.Contains(line, `"client_ip":"192.0.2.7"`) {
				t.Error(line)
				return
			}
		}
	})
	wg.Wait()
}

// TestDeferralSiblings: loggers made of one, and lines written to it, at the
// same time do not see each other's fields.
func TestDeferralSiblings(t *testing.T) {
	enc, _ := journaled()
	parent := with(enc, zap.Int("a", 1), zap.Int("b", 2), zap.Object("request", toUpstream(plainRequest(t))), zap.Int("c", 3))
	alone := encoded(t, parent)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				child := with(parent, zap.Int("child", i))
				eager := with(child, zap.Ints("list", []int{i}))
				want := strings.Replace(alone, "}\n", fmt.Sprintf(`,"child":%d`, i), 1)
				for got, want := range map[string]string{
					encoded(t, parent): alone,
					encoded(t, child):  want + "}\n",
					encoded(t, eager):  want + fmt.Sprintf(`,"list":[%d]`, i) + "}\n",
				} {
					if got != want {
						t.Errorf("got %s, want %s", got, want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestEncoderDefersForReverseProxy asks a real reverse_proxy whether its
// requests are known for what they are, and hides what they hold.
func TestEncoderDefersForReverseProxy(t *testing.T) {
	h := load(t, provisioned(t, `{}`), `{"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:1"}]}`).(*reverseproxy.Handler)
	log, buf := logInto(t, `{}`)
	h.Transport = roundTrip(func(r *http.Request) {
		enc, clones := journaled()
		request := zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: r, ShouldLogCredentials: true})
		with(enc, zap.String("upstream", "u"), zap.Duration("duration", 1), request)
		if clones.Load() != 0 {
			t.Error("the request of reverse_proxy was encoded, though nothing was written")
		}
		log.With(request).Info("x")
	})
	if err := h.ServeHTTP(httptest.NewRecorder(), canaryRequest(t).Request, nil); err != nil {
		t.Fatal(err)
	}
	if line := buf.String(); strings.Contains(line, canary) || !strings.Contains(line, redacted) || !strings.Contains(line, "visible") {
		t.Errorf("line %s", line)
	}
}

type roundTrip func(r *http.Request)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return &http.Response{StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// TestDeferralCost holds what reverse_proxy does for every request to three
// allocations, one of which is zap's.
func TestDeferralCost(t *testing.T) {
	enc, _ := journaled()
	core := zapcore.NewCore(enc, zapcore.AddSync(nil), zapcore.InfoLevel)
	list := []zapcore.Field{zap.String("upstream", "u"), zap.Duration("duration", 1), zap.Object("request", toUpstream(plainRequest(t)))}
	if n := testing.AllocsPerRun(100, func() { core.With(list) }); n > 3 {
		t.Errorf("%v allocations", n)
	}
}
