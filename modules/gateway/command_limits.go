// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// limitFlags say which limits are meant, and how to show them.
type limitFlags struct {
	from                          instance
	quota, subject, limit, format string
}

const limitUse = "[<consumer>] [--quota <name>] [--subject <subject>] [--limit <text>] [--format table|json] [--address <interface>] [--config <path> [--adapter <name>]]"

func limitsCommand() *cobra.Command {
	cmd, f := limitCommand("limits "+limitUse, "Shows what is used of the limits of a consumer, and when it frees", `
Shows the limits that count a consumer: what is used of them, how much of that is
reserved for calls whose cost is not known yet, what remains, and when something
is free again.

Limits that count by other things than consumers are asked for by --quota, and by
--subject where they do not count everybody together: an address, a route, the
identifier of a key, a group, or the value of the header or placeholder. A value
that is a secret is better given as sha256:<hex digits of its digest>, because the
instance logs which limits it was asked for.`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var list limitList
		if err := f.ask(http.MethodGet, args, &list); err != nil {
			return err
		}
		if f.format == "json" {
			return printJSON(cmd.OutOrStdout(), list)
		}
		return list.print(cmd.OutOrStdout())
	}
	cmd.AddCommand(limitsResetCommand())
	return cmd
}

func limitsResetCommand() *cobra.Command {
	cmd, f := limitCommand("reset "+limitUse, "Forgets what was counted in limits", `
Forgets what was counted in the limits of a consumer, at once and without asking,
and prints what that was. Limits that count others as well, such as those of
groups, are reset only where --quota names them. Calls that are not over yet are
counted when they end.`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var answer limitReset
		if err := f.ask(http.MethodDelete, args, &answer); err != nil {
			return err
		}
		if f.format == "json" {
			return printJSON(cmd.OutOrStdout(), answer)
		}
		return answer.print(cmd.OutOrStdout())
	}
	return cmd
}

// limitCommand makes a command about limits, with its flags.
func limitCommand(use, short, long string) (*cobra.Command, *limitFlags) {
	f := new(limitFlags)
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.MaximumNArgs(1)}
	f.from.flags(cmd)
	cmd.Flags().StringVar(&f.quota, "quota", "", "Only the limits of the quota or plan of this name")
	cmd.Flags().StringVar(&f.subject, "subject", "", "Who is counted, where that is no consumer: an address, a route, the value of a header")
	cmd.Flags().StringVar(&f.limit, "limit", "", `Only this limit, as it is written: "requests 1000/min"`)
	cmd.Flags().StringVar(&f.format, "format", "table", "table or json")
	return cmd, f
}

// ask sends the request that arguments and flags describe.
func (f *limitFlags) ask(method string, args []string, answer any) error {
	if err := oneOf("--format", f.format, "table", "json"); err != nil {
		return err
	}
	query := url.Values{}
	for name, value := range map[string]string{"consumer": strings.Join(args, ""), "quota": f.quota, "subject": f.subject, "limit": f.limit} {
		if value != "" {
			query.Set(name, value)
		}
	}
	switch {
	case !query.Has("consumer") && !query.Has("quota"):
		return errors.New("name a consumer, or a quota with --quota")
	case query.Has("consumer") && query.Has("subject"):
		return errors.New("--subject has no meaning beside a consumer")
	}
	address, err := caddycmd.DetermineAdminAPIAddress(f.from.address, nil, f.from.config, f.from.adapter)
	if err != nil {
		return fmt.Errorf("find admin API: %w", err)
	}
	res, err := caddycmd.AdminAPIRequest(address, method, "/gateway/limits?"+query.Encode(), nil, nil)
	if err != nil {
		return fmt.Errorf("ask the admin API at %s: %w", address, err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		return fmt.Errorf("read answer of the admin API: %w", err)
	}
	return nil
}

func (l *limitList) print(w io.Writer) error {
	if len(l.Limits) == 0 {
		_, err := fmt.Fprintf(w, "No limit counts consumer %s by itself.\n", l.Consumer)
		return err
	}
	if err := printLimits(w, l.Limits); err != nil || l.Warning == "" {
		return err
	}
	_, err := fmt.Fprintln(w, "warning: "+l.Warning)
	return err
}

func (r *limitReset) print(w io.Writer) error {
	fmt.Fprintln(w, "These limits were reset. They stood at:")
	if err := printLimits(w, r.Reset); err != nil {
		return err
	}
	for _, k := range r.Kept {
		if _, err := fmt.Fprintf(w, "%s of %s was left as it is: %s.\n", k.Text, k.Quota, k.Reason); err != nil {
			return err
		}
	}
	return nil
}

func printLimits(w io.Writer, list []limitView) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "QUOTA\tBY\tLIMIT\tUSED\tRESERVED\tREMAINING\tFREES IN\tNOTE")
	for i := range list {
		l := &list[i]
		unit := ""
		if l.Unit == limits.Cost.String() {
			unit = " usd"
		}
		figure := func(n json.RawMessage) string { return strings.Trim(string(n), `"`) + unit }
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Quota, strings.TrimSpace(l.By+" "+l.Subject), l.Text,
			figure(l.Used), figure(l.Reserved), figure(l.Remaining), wait(l.FreesIn), l.note())
	}
	return table.Flush()
}

// note says what is special about a limit.
func (l *limitView) note() string {
	var notes []string
	for _, n := range []struct {
		text string
		is   bool
	}{{"soft", l.Soft}, {"shadow", l.Shadow}, {"shared", l.Shared}} {
		if n.is {
			notes = append(notes, n.text)
		}
	}
	return cmp.Or(strings.Join(notes, " "), "-")
}

// wait writes seconds for people.
func wait(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	switch {
	case seconds == 0:
		return "-"
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
	return d.String()
}
