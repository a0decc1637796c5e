// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	pagesDir    = "../../docs/guides"
	examplesDir = "../../caddyfile-examples"
)

// Block is a fenced block of a page.
type Block struct {
	// Language is the first word behind the fence.
	Language string

	// File is the file that the block is, or changes; empty for other blocks.
	File string

	// Fails says that the commands of the block end in an error.
	Fails bool

	// Text is what stands in it, and Line where its fence stands.
	Text string
	Line int
}

// blocks reads the fenced blocks of a page.
func blocks(t *testing.T, page string) []Block {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(pagesDir, page))
	if err != nil {
		t.Fatalf("read page: %v", err)
	}
	var list []Block
	inside := false
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		info, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && inside:
			inside = false
		case fence:
			b, err := newBlock(info)
			if err != nil {
				t.Fatalf("%s:%d: %v", page, number, err)
			}
			b.Line = number
			list, inside = append(list, b), true
		case inside:
			list[len(list)-1].Text += line
		}
	}
	if inside {
		t.Fatalf("%s: the last block has no end", page)
	}
	return list
}

// newBlock reads what stands behind a fence. What would not be tested is refused; plain
// text is for what nobody runs.
func newBlock(info string) (Block, error) {
	words := strings.Fields(info)
	if len(words) == 0 {
		return Block{}, fmt.Errorf("the block does not say what it is")
	}
	b := Block{Language: words[0]}
	for _, word := range words[1:] {
		if name, ok := strings.CutPrefix(word, "file="); ok {
			b.File = name
		} else if word == "fails" && b.Language == "console" {
			b.Fails = true
		} else {
			return Block{}, fmt.Errorf("unknown word %q behind the fence", word)
		}
	}
	if b.Language == "console" && b.File != "" || b.File == "" && b.Language != "console" && b.Language != "text" {
		return Block{}, fmt.Errorf("a block of %s has to say which file it is, unless it is of commands or text", b.Language)
	}
	return b, nil
}

// Command is a command of a block, with the output that the page shows.
type Command struct {
	Line string
	Want []string
}

// commands reads a block of commands. Each begins behind "$ "; a line that ends in a
// backslash is continued by the next.
func commands(b Block) []Command {
	var list []Command
	continued := false
	for line := range strings.Lines(b.Text) {
		line = strings.TrimRight(line, "\n")
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case continued:
			list[len(list)-1].Line += "\n" + line
		case begins:
			list = append(list, Command{Line: command})
		case len(list) > 0 && line != "":
			last := &list[len(list)-1]
			last.Want = append(last.Want, line)
		}
		continued = (continued || begins) && strings.HasSuffix(line, `\`)
	}
	return list
}

func TestBlocksThatNobodyTestsAreRefused(t *testing.T) {
	t.Parallel()
	for info, ok := range map[string]bool{
		"": false, "caddyfile": false, "console file=x": false, "go fails file=x": false, "console once": false,
		"console": true, "console fails": true, "text": true, "go file=x.go": true,
	} {
		if _, err := newBlock(info); (err == nil) != ok {
			t.Errorf("a block of %q: error %v, accepted should be %t", info, err, ok)
		}
	}
}

func TestCommandsAreRead(t *testing.T) {
	t.Parallel()
	got := commands(Block{Text: "$ one \\\n  more\nsays\n\n$ two\n$ three\nsays a\nsays b\n"})
	want := []Command{{"one \\\n  more", []string{"says"}}, {"two", nil}, {"three", []string{"says a", "says b"}}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("commands = %q, want %q", got, want)
	}
}
