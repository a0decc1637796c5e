// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Do runs a command, on a connection of its own, and returns the answer as Try does.
// An error fails the test.
func (s *Server) Do(args ...string) any {
	s.t.Helper()
	v, err := s.Try(args...)
	if err != nil {
		s.t.Fatalf("%s: %s: %v", s.Addr, strings.Join(args, " "), err)
	}
	return v
}

// Try is Do that returns an error. The answer is a string, an int64, a list ([]any)
// or nil.
func (s *Server) Try(args ...string) (any, error) {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second) //nolint:noctx // It has a timeout.
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // The answer is there.
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	if password := s.password(); password != "" {
		if _, err := talk(conn, r, []string{"AUTH", password}); err != nil {
			return nil, err
		}
	}
	return talk(conn, r, args)
}

// password is the one that the server was started with.
func (s *Server) password() string {
	for i, arg := range s.program[:len(s.program)-1] {
		if arg == "--requirepass" {
			return s.program[i+1]
		}
	}
	return ""
}

// Info returns a field of a section of INFO.
func (s *Server) Info(section, field string) string {
	s.t.Helper()
	text, _ := s.Do("INFO", section).(string)
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return value
		}
	}
	s.t.Fatalf("%s: INFO %s has no %s", s.Addr, section, field)
	return ""
}

// talk sends a command in the form of RESP and reads the answer.
func talk(w io.Writer, r *bufio.Reader, args []string) (any, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return nil, err
	}
	return answer(r)
}

// answer reads one value of RESP 2.
func answer(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("an empty line instead of an answer")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, errors.New(rest)
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", line, err)
	}
	switch {
	case kind == ':':
		return n, nil
	case n < 0:
		return nil, nil //nolint:nilnil // Redis' own nil is an answer.
	case kind == '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return string(b[:n]), err
	case kind == '*':
		list := make([]any, n)
		for i := range list {
			if list[i], err = answer(r); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("read %q: no answer", line)
}
