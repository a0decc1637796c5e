// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// rotation is what to do to replace the keys of a consumer without a failed
// request.
type rotation struct {
	newKey
	Consumer string    `json:"consumer"`
	Until    time.Time `json:"until"`
	// Limit are the lines of the present keys with the end they are to get.
	Limit []string `json:"limit,omitempty"`
	// Source says where the present keys were read; empty if nowhere.
	Source string `json:"source,omitempty"`
}

func keyRotateCommand() *cobra.Command {
	var (
		from    instance
		overlap time.Duration
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "rotate <consumer> [--overlap <duration>] [--config <path> [--adapter <name>]] [--address <interface>] [--json]",
		Short: "Prints a new key for a consumer and the lines that replace the old one",
		Long: `
Prints a new key for a consumer, the line to add now, the lines to limit, and
the order of the steps, so that no request fails meanwhile. It changes nothing.

With --config, the present keys of the consumer are read from that file;
otherwise from the running instance. Where there is none, the command prints
what it can.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if overlap < 0 {
				return fmt.Errorf("--overlap is %s; write a duration that is not negative", overlap)
			}
			r := rotation{Consumer: args[0], Until: time.Now().Add(overlap).UTC().Truncate(time.Second)}
			if err := r.find(&from, cmd.ErrOrStderr()); err != nil {
				return err
			}
			var err error
			if r.newKey, err = makeKey(); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), r.String())
			return err
		},
	}
	from.flags(cmd)
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "How long the old keys go on working")
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print a JSON object")
	return cmd
}

// find looks the consumer up and notes the lines of its present keys. Only a
// source that was asked for by name must be there.
func (r *rotation) find(from *instance, notes io.Writer) error {
	if from.config != "" && from.address == "" {
		return r.findInFile(from)
	}
	err := r.findRunning(from)
	if err != nil && from.address == "" && r.Source == "" {
		_, err = fmt.Fprintf(notes, "The consumer was not looked up: %v\n", err)
	}
	return err
}

func (r *rotation) findInFile(from *instance) error {
	data, name, _, err := caddycmd.LoadConfig(from.config, from.adapter)
	if err != nil {
		return fmt.Errorf("load config: %w", err)
	}
	var cfg struct {
		Apps struct {
			Gateway App `json:"gateway"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(data, &cfg); err != nil {
		return fmt.Errorf("read config %s: %w", name, err)
	}
	app := &cfg.Apps.Gateway
	r.Source = name
	if r.keysOf(app.Consumers, false) {
		return nil
	}
	for _, file := range app.ConsumersFiles {
		specs, err := readConsumersFile(file)
		if err != nil {
			return err
		}
		if r.keysOf(specs, true) {
			r.Source = file
			return nil
		}
	}
	return fmt.Errorf("consumer %q does not exist in %s", r.Consumer, name)
}

func (r *rotation) findRunning(from *instance) error {
	var list struct {
		Total int `json:"total"`
	}
	if err := from.getJSON("/gateway/consumers?name="+url.QueryEscape(r.Consumer), &list); err != nil {
		return err
	}
	r.Source = "the running instance"
	if list.Total == 0 {
		return fmt.Errorf("consumer %q does not exist in the running instance", r.Consumer)
	}
	var specs []consumers.Spec
	if err := from.getJSON("/config/apps/gateway/consumers", &specs); err != nil {
		return err
	}
	r.keysOf(specs, false) // one from a consumers file is not among them
	return nil
}

// keysOf notes the lines of the consumer's keys with their new end, in the
// syntax of the Caddyfile or of a consumers file.
func (r *rotation) keysOf(specs []consumers.Spec, inJSON bool) bool {
	i := slices.IndexFunc(specs, func(s consumers.Spec) bool { return s.Name == r.Consumer })
	if i < 0 {
		return false
	}
	for _, k := range specs[i].Keys {
		if k.Until == "" {
			r.Limit = append(r.Limit, keyLine(k, r.Until, inJSON))
		}
	}
	return true
}

func keyLine(k consumers.KeySpec, until time.Time, inJSON bool) string {
	k.Until = until.Format(time.RFC3339)
	if inJSON {
		line, _ := json.Marshal(k) // strings only
		return string(line)
	}
	line := "key " + k.Key
	if k.NotBefore != "" {
		line += " not_before " + k.NotBefore
	}
	return line + " until " + k.Until
}

// String is the instructions for people.
func (r *rotation) String() string {
	until := r.Until.Format(time.RFC3339)
	var b strings.Builder
	fmt.Fprintf(&b, "New key of consumer %s, shown this once and kept nowhere:\n\n\t%s\n\n", r.Consumer, r.Key)
	fmt.Fprintf(&b, "1. Add this line to the consumer (in a consumers file, add the key %s):\n\n\t%s\n\n", r.Digest, r.Line)
	switch {
	case len(r.Limit) > 0:
		b.WriteString("   and give its present keys an end; whatever block they have stays:\n\n")
		for _, line := range r.Limit {
			fmt.Fprintf(&b, "\t%s\n", line)
		}
	default:
		fmt.Fprintf(&b, "   and write at the end of the line of each key that is to go:\n\n\tuntil %s\n", until)
	}
	fmt.Fprintf(&b, "\n2. Reload with: caddy reload --force. From now on the old keys and the new one work.\n"+
		"3. Give the client its new key before %s. In logs it appears as %s.\n"+
		"4. After that time the old keys are refused; remove their lines at leisure.\n", until, r.ID)
	return b.String()
}

// instance is a running Caddy, as the flags --address, --config and --adapter
// describe it.
type instance struct{ address, config, adapter string }

func (i *instance) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&i.address, "address", "", "Address of the running instance's admin API, if it is not the default or in the config")
	cmd.Flags().StringVarP(&i.config, "config", "c", "", "Configuration file, to read the address of the admin API from")
	cmd.Flags().StringVarP(&i.adapter, "adapter", "a", "", "Name of the config adapter of the configuration file")
}

// get asks the admin API.
func (i *instance) get(uri string) (io.ReadCloser, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(i.address, nil, i.config, i.adapter)
	if err != nil {
		return nil, fmt.Errorf("find admin API: %w", err)
	}
	res, err := caddycmd.AdminAPIRequest(address, http.MethodGet, uri, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the admin API at %s: %w", address, err)
	}
	return res.Body, nil
}

func (i *instance) getJSON(uri string, v any) error {
	body, err := i.get(uri)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("read answer of the admin API: %w", err)
	}
	return nil
}
