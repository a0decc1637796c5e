// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// disk is a small one.
type disk struct {
	path  string                          // of a directory on it, as the gateway sees it
	wrap  []string                        // the command by way of which the gateway sees it
	full  func(t *testing.T, gateway int) // leaves no room for the process
	empty func(t *testing.T, gateway int) // makes room again
}

// disks are the ways to a small disk, from the best to the one that is always there.
var disks = []struct {
	name string
	make func(t *testing.T) (*disk, error)
}{
	{"a file system of its own", mounted},
	{"a file system in a name space of its own", inNamespace},
	{"a limit to the size of files", limited},
}

// TestDiskFull fills the disk of the ledger while requests go on, with each kind of disk
// that the machine allows; with the first of them if time is short.
func TestDiskFull(t *testing.T) {
	tested := 0
	for _, kind := range disks {
		if tested > 0 && testing.Short() {
			break
		}
		d, err := kind.make(t)
		if err != nil {
			t.Logf("the machine does not allow %s: %v", kind.name, err)
			continue
		}
		tested++
		t.Run(kind.name, func(t *testing.T) { fillAndFree(t, d) })
	}
	if tested == 0 {
		t.Error("no way to fill a disk")
	}
}

func fillAndFree(t *testing.T, d *disk) {
	u := newUpstream(t)
	s := newSite(t, u)
	s.ledger = filepath.Join(d.path, "ledger")
	gateway := s.start(t, d.wrap...)
	pid := gateway.cmd.Process.Pid
	c, number, want := newClient(t, s.addr, false), 0, make(account)
	request := func() {
		t.Helper()
		p := planned("row", number)
		number++
		if got := c.do(t.Context(), u, p); !got.complete {
			t.Errorf("request %q: %+v", p.name, got)
		}
		want.add(p.caller(), sums{requests: 1, exact: 1, counts: p.usage, cost: p.usage.cost(p.model)})
	}
	for range 50 {
		request()
	}
	if status, _ := health(t, s); status != http.StatusOK {
		t.Errorf("health is %d before the disk is full", status)
	}

	d.full(t, pid)
	text := until(t, s, http.StatusServiceUnavailable, request)
	if !hasAll(text, []string{`"failed"`, s.ledger}) {
		t.Errorf("health does not say why: %s", text)
	}
	if line := gateway.wait(t, `"level":"error"`, "the ledger cannot be written"); line == "" {
		t.Fatalf("caddy has ended:\n%s", gateway)
	}
	for range 100 {
		request()
	}
	same(t, "the running gateway, its disk full", usage(t, s.admin), want)

	d.empty(t, pid)
	until(t, s, http.StatusOK, request)
	for range 20 {
		request()
	}
	gateway.kill()
	s.start(t, d.wrap...)
	same(t, "the ledger after a restart", usage(t, s.admin), want)
}

// until sends requests until the gateway's health has a status, and returns what it says
// then.
func until(t *testing.T, s *site, want int, request func()) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		status, text := health(t, s)
		if status == want {
			return text
		}
		if time.Now().After(deadline) {
			t.Fatalf("health is %d, want %d: %s", status, want, text)
		}
		request()
	}
}

// health asks the admin endpoint.
func health(t *testing.T, s *site) (int, string) {
	t.Helper()
	res := admin(t, http.MethodGet, s.admin, "/gateway/health", "")
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read health: %v", err)
	}
	return res.StatusCode, string(text)
}

const diskSize = "size=8m"

// mounted mounts a file system, which only administrators may.
func mounted(t *testing.T) (*disk, error) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, diskSize); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return filled(dir, dir), nil
}

// inNamespace mounts one in a name space of a process of its own, which most users may.
func inNamespace(t *testing.T) (*disk, error) {
	dir := t.TempDir()
	holder := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
		"mount -t tmpfs -o "+diskSize+" none "+dir+" && echo mounted && exec cat")
	in, err := holder.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := holder.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		_ = in.Close() // which ends it
		_ = holder.Wait()
	})
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
		return nil, errors.New("unshare and mount do not work")
	}
	pid := fmt.Sprint(holder.Process.Pid)
	d := filled(dir, filepath.Join("/proc", pid, "root", dir))
	d.wrap = []string{"nsenter", "--target", pid, "--user", "--mount", "--preserve-credentials", "--"}
	return d, exec.Command(d.wrap[0], append(slices.Clone(d.wrap[1:]), "true")...).Run()
}

// filled is a disk that is full when a file takes all that is left of it.
func filled(path, outside string) *disk {
	ballast := filepath.Join(outside, "ballast")
	return &disk{
		path: path,
		full: func(t *testing.T, _ int) {
			t.Helper()
			f, err := os.Create(ballast)
			if err != nil {
				t.Fatalf("fill disk: %v", err)
			}
			defer f.Close()
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("fill disk: %v", err)
			}
		},
		empty: func(t *testing.T, _ int) {
			t.Helper()
			if err := os.Remove(ballast); err != nil {
				t.Fatalf("free disk: %v", err)
			}
		},
	}
}

// limited lets no file of the process grow, which is as if the disk were full.
func limited(t *testing.T) (*disk, error) {
	limit := func(size uint64) func(*testing.T, int) {
		return func(t *testing.T, gateway int) {
			t.Helper()
			if err := limitFiles(gateway, size); err != nil {
				t.Fatalf("limit size of files: %v", err)
			}
		}
	}
	return &disk{path: t.TempDir(), full: limit(0), empty: limit(1 << 40)}, nil
}
