// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestLanguageServicesVersions(t *testing.T) {
	g, upstreams := languageGateway(t)
	key := "apikey: " + languageKeys["DEVELOPER_KEY"]
	for _, row := range []struct {
		name, path, header string
		status             int
		service, uri       string
	}{
		{"in the path", "/api/v1/asr/inference", "", 200, "asr", "/api/v1/asr/inference"},
		{"none, and the rest is kept", "/api/asr/inference%2Fx?a=%20b", "", 400, "", ""}, // an escaped slash is refused everywhere
		{"none", "/api/asr/inference?a=%20b", "", 200, "asr", "/api/v1/asr/inference?a=%20b"},
		{"none, of a service that gets what comes behind its name", "/api/config/settings?a=1", "", 200, "config", "/settings?a=1"},
		{"the next one in the path", "/api/v2/asr/inference", "", 200, "asr v2", "/api/v2/asr/inference"},
		{"the next one in the header", "/api/asr/inference", "v2", 200, "asr v2", "/api/v2/asr/inference"},
		{"the next one as a number", "/api/asr/inference", "2", 200, "asr v2", "/api/v2/asr/inference"},
		{"the path before the header", "/api/v1/asr/inference", "v2", 200, "asr", "/api/v1/asr/inference"},
		{"one that a service does not have", "/api/nmt/inference", "v2", 404, "", ""},
		{"unknown in the path", "/api/v9/asr/inference", "", 400, "", ""},
		{"unknown in the header", "/api/asr/inference", "v9", 400, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			headers := []string{key}
			if row.header != "" {
				headers = append(headers, "X-API-Version: "+row.header)
			}
			before := 0
			if row.service != "" {
				before = len(reached(upstreams[row.service]))
			}
			got := g.Get(row.path, headers...)
			if got.Status != row.status {
				t.Fatalf("answer = %d %s, want %d", got.Status, got.Body, row.status)
			}
			if row.service == "" {
				body := decoded(t, got)
				if got.Header.Get("Content-Type") != "application/problem+json" || member(body, "request_id") == "" {
					t.Errorf("the refusal is %v %s", got.Header, got.Body)
				}
				if strings.HasPrefix(row.name, "unknown") && (member(body, "code") != "api_version_unknown" || !strings.Contains(got.Body, "v1, v2")) {
					t.Errorf("the refusal does not name the versions: %s", got.Body)
				}
				return
			}
			requests := reached(upstreams[row.service])[before:]
			if len(requests) != 1 || requests[0].URI != row.uri {
				t.Errorf("the service had %+v, want %s", requests, row.uri)
			}
			if got.Header.Get("X-API-Version") == "" {
				t.Error("the answer does not name the version")
			}
		})
	}
}

// TestLanguageServicesOtherPaths: whatever is no service is 404 in JSON.
func TestLanguageServicesOtherPaths(t *testing.T) {
	g, _ := languageGateway(t)
	for _, path := range []string{"/", "/api", "/api/", "/api/v1", "/api/v1/secret/x", "/api/secret", "/api/v1/asrx", "/metrics", "/health", "/api/v2/config/x"} {
		t.Run(path, func(t *testing.T) {
			checkNotFound(t, g.Get(path, "apikey: "+languageKeys["DEVELOPER_KEY"]))
		})
	}
}

// TestLanguageServicesEditAnswers has services answer with what is not for clients, also
// compressed.
func TestLanguageServicesEditAnswers(t *testing.T) {
	const answer = `{"text":"ok","version":"internal","api_version":"internal","internal":{"debug":{"host":"db-7"},"shown":1},"meta":{"model":"x"}}`
	g, upstreams := languageGatewayAnswering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Internal-Id", "db-7")
		if !strings.HasSuffix(r.URL.Path, "/gzip") {
			_, _ = io.WriteString(w, answer)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, answer)
		_ = z.Close()
	})
	for _, encoding := range []string{"plain", "gzip"} {
		for name := range upstreams {
			service, version := name, "v1"
			if name == "asr v2" {
				service, version = "asr", "v2"
			} else if strings.HasPrefix(name, "asr ") {
				continue // for other languages
			}
			t.Run(name+" "+encoding, func(t *testing.T) {
				began := time.Now().UnixMilli()
				got := g.Post("/api/"+version+"/"+service+"/"+encoding, `{"a":1}`, "apikey: "+languageKeys["DEVELOPER_KEY"], "Accept-Encoding: gzip")
				if got.Header.Get("Content-Encoding") == "gzip" {
					z, err := gzip.NewReader(strings.NewReader(got.Body))
					if err != nil {
						t.Fatal(err)
					}
					plain, err := io.ReadAll(z)
					if err != nil {
						t.Fatal(err)
					}
					got.Body = string(plain)
				}
				body := decoded(t, got)
				if strings.Contains(got.Body, "db-7") || got.Header.Get("X-Internal-Id") != "" {
					t.Errorf("the client is told what is internal: %v %s", got.Header, got.Body)
				}
				if member(body, "version") != version || member(body, "api_version") != version || member(body, "meta.gateway") != "tollgate" || member(body, "meta.model") != "x" || member(body, "text") != "ok" {
					t.Errorf("the answer is %s", got.Body)
				}
				if stamp, ok := member(body, "meta.timestamp").(float64); !ok || int64(stamp) < began || int64(stamp) > time.Now().UnixMilli() {
					t.Errorf("the time is %v", member(body, "meta.timestamp"))
				}
				if took, err := strconv.ParseFloat(got.Header.Get("X-Response-Time"), 64); err != nil || took <= 0 || got.Header.Get("X-Served-By") != strings.ReplaceAll(name, " ", "-") || got.Header.Get("X-Gateway-Version") != "1.0" {
					t.Errorf("the header is %v", got.Header)
				}
			})
		}
	}
}

// TestLanguageServicesAreToldOfRequests has a client claim what the gateway tells services.
func TestLanguageServicesAreToldOfRequests(t *testing.T) {
	g, upstreams := languageGateway(t)
	for _, service := range languageServices {
		g.Get("/api/v1/"+service.name+"/things", "apikey: "+languageKeys["DEVELOPER_KEY"], "X-Correlation-ID: demo-8", "X-Request-ID: forged", "X-Language-Source: forged",
			"X-Real-IP: 192.0.2.1", "X-Forwarded-For: 192.0.2.1", "Host: forged.example.com")
		requests := reached(upstreams[service.name])
		if len(requests) != 1 {
			t.Errorf("the service %s had %d requests", service.name, len(requests))
			continue
		}
		for name, want := range map[string]string{
			"X-Language-Source": "Gateway", "X-Request-Id": "demo-8", "X-Correlation-Id": "demo-8", "X-Real-Ip": "127.0.0.1", "X-Forwarded-For": "127.0.0.1",
			"X-Forwarded-Host": "forged.example.com",
		} {
			if got := requests[0].Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("the service %s is told %s: %q, want %q", service.name, name, got, want)
			}
		}
	}
}

// TestLanguageServicesTakeRecordings sends bodies as long as those with sound in them, and
// one that is longer than the gateway takes.
func TestLanguageServicesTakeRecordings(t *testing.T) {
	g, upstreams := languageGateway(t)
	body := func(size int) string {
		return `{"audio":[{"audioContent":"` + strings.Repeat("A", size) + `"}],"config":{"language":{"sourceLanguage":"hi"}}}`
	}
	for service, want := range map[string]string{"asr hi": `"serviceId":"asr-conformer-hi"`, "tts": `"serviceId":"tts-indo-aryan"`, "pipeline": `"gateway":{"timestamp":`} {
		path := "/api/v1/" + strings.Fields(service)[0] + "/inference"
		got := g.Post(path, body(20<<20), "apikey: "+languageKeys["DEVELOPER_KEY"])
		requests := reached(upstreams[service])
		if got.Status != 200 || len(requests) != 1 || !strings.Contains(requests[0].Body, want) {
			t.Errorf("%s: answer = %d %s after %d requests, want one with %s", service, got.Status, got.Body, len(requests), want)
		}
	}
	got := g.Post("/api/v1/asr/inference", body(32<<20), "apikey: "+languageKeys["DEVELOPER_KEY"])
	if got.Status != 413 || decoded(t, got)["code"] != "body_too_large" || len(reached(upstreams["asr"])) != 0 {
		t.Errorf("answer = %d %s", got.Status, got.Body)
	}
}

// TestLanguageServicesGiveRecordings has a service answer with as much sound.
func TestLanguageServicesGiveRecordings(t *testing.T) {
	g, _ := languageGatewayAnswering(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/health") {
			return
		}
		if strings.HasSuffix(r.URL.Path, "/wav") {
			w.Header().Set("Content-Type", "audio/wav")
			_, _ = io.WriteString(w, strings.Repeat("A", 40<<20))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"audio":[{"audioContent":"`+strings.Repeat("A", 20<<20)+`"}],"internal":{"debug":1}}`)
	})
	for path, size := range map[string]int{"/api/v1/tts/wav": 40 << 20, "/api/v1/tts/inference": 20 << 20} {
		got := g.Get(path, "apikey: "+languageKeys["DEVELOPER_KEY"])
		if got.Status != 200 || len(got.Body) < size || strings.Contains(got.Body, "debug") {
			t.Errorf("%s = %d with %d bytes", path, got.Status, len(got.Body))
		}
	}
}

func TestLanguageServicesEditRequests(t *testing.T) {
	g, upstreams := languageGateway(t)
	g.Post("/api/v1/pipeline/inference", `{"gateway":{"timestamp":"forged"},"n":1.50}`, "apikey: "+languageKeys["PIPELINE_CLIENT_KEY"], "X-Correlation-ID: demo-7", "X-Request-ID: forged")
	requests := reached(upstreams["pipeline"])
	if len(requests) != 1 {
		t.Fatalf("the service had %d requests", len(requests))
	}
	r := requests[0]
	if r.Header.Get("X-Language-Source") != "Gateway" || r.Header.Get("X-Request-Id") != "demo-7" || r.Header.Get("X-Correlation-Id") != "demo-7" {
		t.Errorf("the service had %v", r.Header)
	}
	before, after, ok := strings.Cut(r.Body, `{"gateway":{"timestamp":`)
	stamp, rest, ended := strings.Cut(after, "}")
	if n, err := strconv.ParseInt(stamp, 10, 64); !ok || before != "" || !ended || err != nil || time.Since(time.UnixMilli(n)).Abs() > time.Minute || rest != `,"n":1.50}` {
		t.Errorf("the service was asked %s", r.Body)
	}
}

// TestLanguageServicesBrowsers has a page of the configured origin call, and another one.
func TestLanguageServicesBrowsers(t *testing.T) {
	const own, foreign = "Origin: https://app.example.com", "Origin: https://elsewhere.example"
	g, upstreams := languageGateway(t)
	preflight := g.Do(http.MethodOptions, "/api/v1/asr/inference", "", own, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: apikey, content-type")
	h := preflight.Header
	if preflight.Status/100 != 2 || h.Get("Access-Control-Allow-Origin") != "https://app.example.com" || h.Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "apikey") {
		t.Errorf("the preflight is answered by %d %v", preflight.Status, h)
	}
	if n := len(reached(upstreams["asr"])); n != 0 {
		t.Errorf("the service had %d requests", n)
	}
	for name, got := range map[string]*Answer{
		"admitted":    g.Get("/api/v1/asr/things", own, "apikey: "+languageKeys["DEVELOPER_KEY"]),
		"without key": g.Get("/api/v1/asr/things", own),
		"forbidden":   g.Get("/api/v1/config/things", own, "apikey: "+languageKeys["PIPELINE_CLIENT_KEY"]),
		"unknown":     g.Get("/nothing", own),
	} {
		if got.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: %d without leave for the page: %v", name, got.Status, got.Header)
		}
	}
	if got := g.Get("/api/v1/asr/things", foreign, "apikey: "+languageKeys["DEVELOPER_KEY"]); got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page of another origin may read the answer: %v", got.Header)
	}
}

// TestLanguageServicesHaveIDs follows the correlation id of a request to its client, its
// service and the log.
func TestLanguageServicesHaveIDs(t *testing.T) {
	g, upstreams := languageGateway(t)
	key := "apikey: " + languageKeys["DEVELOPER_KEY"]
	made := g.Get("/api/v1/tts/things", key).Header.Get("X-Correlation-Id")
	kept := g.Get("/api/v1/tts/things", key, "X-Correlation-ID: demo-correlation-8").Header.Get("X-Correlation-Id")
	requests := reached(upstreams["tts"])
	if len(requests) != 2 || made == "" || kept != "demo-correlation-8" || requests[0].Header.Get("X-Correlation-Id") != made || requests[1].Header.Get("X-Correlation-Id") != kept {
		t.Errorf("ids are %q and %q, and the service had %+v", made, kept, requests)
	}
	for _, id := range []string{made, kept} {
		g.Logs().Wait(t, `"http.log.access`, id)
	}
}

// TestLanguageServicesDown has all instances of a service die.
func TestLanguageServicesDown(t *testing.T) {
	g, upstreams := languageGateway(t)
	key := "apikey: " + languageKeys["DEVELOPER_KEY"]
	upstreams["alerting"].Kill()
	var got *Answer
	eventually(t, "no instance is left", func() bool {
		got = g.Get("/api/v1/alerting/things", key)
		return got.Status == 503
	})
	if body := decoded(t, got); member(body, "code") != "no_upstream_available" || member(body, "request_id") != got.Header.Get("X-Correlation-Id") {
		t.Errorf("the answer is %s", got.Body)
	}
	page := g.Get("/api/v1/alerting/things", key, "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	if page.Status != 503 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.Body, page.Header.Get("X-Correlation-Id")) {
		t.Errorf("a browser is answered by %d %v %s", page.Status, page.Header, page.Body)
	}
	upstreams["alerting"].Restart()
	eventually(t, "the instance is used again", func() bool { return g.Get("/api/v1/alerting/things", key).Status == 200 })
}

// TestLanguageServicesWithTLS gives the site a name, for which Caddy's own authority
// issues a certificate here.
func TestLanguageServicesWithTLS(t *testing.T) {
	up := upstream(t, nil)
	port := exampleEnvironment(t, languageServicesFile, map[string]string{"TTS_SERVICE": up.Addr, "GATEWAY_SITE": "localhost", "VOICE_CLIENT_KEY": languageKeys["VOICE_CLIENT_KEY"]})
	dir := t.TempDir()
	text := example(t, languageServicesFile, "\tgateway {\n", "\tskip_install_trust\n\tauto_https disable_redirects\n\tstorage file_system "+dir+"\n\tgateway {\n")
	g := gateway(t, text, named(languageServicesFile), with("PORT", port))
	var root []byte
	eventually(t, "there is a certificate", func() (yes bool) {
		var err error
		root, err = os.ReadFile(filepath.Join(dir, "pki", "authorities", "local", "root.crt"))
		return err == nil
	})
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		t.Fatalf("the certificate of the authority is %q", root)
	}
	client := newClient(t, "tcp", g.Addr)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12} //nolint:forcetypeassert // newClient makes one.
	eventually(t, "the site has its certificate", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://localhost:"+port+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil
	})
	got := finish(t, open(t, client, http.MethodGet, "https://localhost:"+port+"/api/tts/voices", "", []string{"apikey: " + languageKeys["VOICE_CLIENT_KEY"]}))
	if requests := reached(up); got.Status != 200 || len(requests) != 1 || requests[0].Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("answer = %d %s, and the service had %+v", got.Status, got.Body, requests)
	}
}
