// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a process may take to start or to end.
const patience = 30 * time.Second

// process is a running gateway.
type process struct {
	name, url, admin string
	cmd              *exec.Cmd
	log              string
	ended            chan struct{}
}

// startExample runs an example Caddyfile as it is, but for what keeps it on loopback and
// in a directory of its own.
func startExample(ctx context.Context, o options, dir, name string, env map[string]string) (*process, error) {
	text, err := os.ReadFile(filepath.Join(o.examples, name+".Caddyfile"))
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("{\n\tadmin 127.0.0.1:%s\n\tdefault_bind 127.0.0.1\n\tpersist_config off\n\tauto_https off\n", admin)
	before, after, ok := strings.Cut(string(text), "\n{\n")
	if !ok {
		return nil, fmt.Errorf("read %s: it has no global options", name)
	}
	env["GATEWAY_PORT"] = port
	p := &process{name: name, url: "http://127.0.0.1:" + port, admin: "http://127.0.0.1:" + admin}
	return p, p.start(ctx, o, dir, before+"\n"+head+after, env)
}

// startProviders runs an imitation of the providers of models.
func startProviders(ctx context.Context, o options, dir string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &process{name: "providers", url: "http://127.0.0.1:" + port}
	return p, p.start(ctx, o, dir, fmt.Sprintf(`{
	admin off
	persist_config off
	auto_https off
}
http://:%s {
	bind 127.0.0.1
	mock_llm {
		words 40
		latency 20ms
		event_interval 5ms
	}
}
`, port), nil)
}

func (p *process) start(ctx context.Context, o options, dir, caddyfile string, env map[string]string) error {
	home := filepath.Join(dir, p.name)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, "Caddyfile"), []byte(caddyfile), 0o600); err != nil { //nolint:gosec // Where whoever starts the program says.
		return err
	}
	p.log = filepath.Join(home, "log")
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), o.caddy, "run", "--adapter", "caddyfile", "--config", "Caddyfile") //nolint:gosec // The same.
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = home, log, log
	p.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.ended = make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	for deadline := time.Now().Add(patience); ; {
		err := p.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(p.log)
			return fmt.Errorf("start %s: it has ended: %s", p.name, text)
		case <-time.After(20 * time.Millisecond): // until it is asked again
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("start %s: %w", p.name, err), p.stop())
		}
	}
}

// answers makes one request.
func (p *process) answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// stop ends the process, and reports how it ended if that was not as asked.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		<-p.ended
		return fmt.Errorf("%s had ended before: %w", p.name, err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not end", p.name)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %d", p.name, code)
	}
	return nil
}

// complaints looks for what must never stand in the log of a gateway: panics, and keys.
func (p *process) complaints() (problems []string) {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return []string{fmt.Sprintf("read the log of %s: %v", p.name, err)}
	}
	for what, text := range map[string]string{"panics": "panic", "keys": "-key-not-a-secret"} {
		if n := strings.Count(string(log), text); n > 0 {
			problems = append(problems, fmt.Sprintf("the log of %s has %s, %d times", p.name, what, n))
		}
	}
	return problems
}

func freePort() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
