// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// maxKeyInput bounds what "key hash" reads; no key comes near it.
const maxKeyInput = 8 << 10

// newKey is a fresh key with what the config needs of it.
type newKey struct {
	Key    string `json:"key"`
	Digest string `json:"digest"`
	ID     string `json:"id"`
	Line   string `json:"line"`
}

func makeKey() (newKey, error) {
	key, err := apikey.New()
	if err != nil {
		return newKey{}, fmt.Errorf("make key: %w", err)
	}
	d := apikey.Hash(key)
	return newKey{Key: key, Digest: d.String(), ID: d.ID(), Line: "key " + d.String()}, nil
}

func keyNewCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "new [--json]",
		Short: "Prints a fresh key and its line for the config",
		Long: `
Prints a fresh random key, the line that lets a consumer use it, and the
identifier under which it appears in logs and usage. The key is kept nowhere
and cannot be shown again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := makeKey()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), k)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Key for the client, shown this once:  %s\n"+
				"Line for the consumer in the config:  %s\n"+
				"Identifier in logs and answers:       %s\n", k.Key, k.Line, k.ID)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print a JSON object")
	return cmd
}

func keyHashCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "hash [--file <path>]",
		Short: "Prints the digest of a key that is given in a file or on standard input",
		Long: `
Reads a key from a file or from standard input and prints its digest as it
stands in the config: sha256:<hex>. One line break at the end is not part of
the key. A key is never taken as an argument, because arguments show in the
list of processes and in the history of the shell.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return errors.New("a key is not taken as an argument, where the process list and the shell's history show it; " +
					"give it on standard input or with --file, and consider this one as exposed")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := readKey(cmd.InOrStdin(), file)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), apikey.Hash(key))
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "File that holds the key")
	return cmd
}

// readKey reads a key and refuses what no client could present, or what is
// not a key at all.
func readKey(in io.Reader, file string) (string, error) {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read key: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxKeyInput+1))
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	key := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case len(data) > maxKeyInput:
		return "", fmt.Errorf("read key: the input is longer than %d bytes", maxKeyInput)
	case key == "":
		return "", errors.New("read key: the input is empty")
	case apikey.IsLiteral(key):
		return "", errors.New("read key: the input is a digest already; use it in the config as it is")
	case strings.ContainsFunc(key, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
		return "", errors.New("read key: the input holds white space or control characters; a key is one word")
	case apikey.Check(key) != nil:
		return "", fmt.Errorf("read key: %w", apikey.Check(key))
	case apikey.Leaked(apikey.Hash(key)):
		return "", errors.New("read key: this key was published; make another one with: caddy gateway key new")
	}
	return key, nil
}

// printJSON writes v indented, for people and programs alike.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
