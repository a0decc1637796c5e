// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// showCommand makes a command that prints what an admin endpoint answers.
func showCommand(use, short string, uri func(args []string) string, args cobra.PositionalArgs) *cobra.Command {
	var from instance
	cmd := &cobra.Command{
		Use:   use + " [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: short,
		Args:  args,
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer any
			if err := from.getJSON(uri(args), &answer); err != nil {
				return err
			}
			return printJSON(cmd.OutOrStdout(), answer)
		},
	}
	from.flags(cmd)
	return cmd
}

func pricesCommand() *cobra.Command {
	return showCommand("prices [<model> [<provider>]]", "Prints the prices in force for a model, or the names of all models, as JSON",
		func(args []string) string {
			query := url.Values{}
			for i, name := range []string{"model", "provider"} {
				if i < len(args) {
					query.Set(name, args[i])
				}
			}
			return "/gateway/prices?" + query.Encode()
		}, cobra.MaximumNArgs(2))
}

func healthCommand() *cobra.Command {
	return showCommand("health", "Prints the state of each part of the running gateway as JSON; fails if one has failed",
		func([]string) string { return "/gateway/health" }, cobra.NoArgs)
}

func consumersCommand() *cobra.Command {
	var (
		from   instance
		format string
	)
	cmd := &cobra.Command{
		Use:   "consumers [<name>] [--format table|json] [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Shows the consumers of the running instance and the identifiers of their keys",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("--format", format, "table", "json"); err != nil {
				return err
			}
			list, err := from.consumers(args)
			if err != nil {
				return err
			}
			if format == "json" {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printConsumers(cmd.OutOrStdout(), list)
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

// consumers reads the list of consumers page by page.
func (i *instance) consumers(name []string) ([]consumerView, error) {
	const page = 10_000
	list := []consumerView{}
	for {
		query := url.Values{"limit": {fmt.Sprint(page)}, "offset": {fmt.Sprint(len(list))}}
		if len(name) > 0 {
			query.Set("name", name[0])
		}
		var answer struct {
			Total     int            `json:"total"`
			Consumers []consumerView `json:"consumers"`
		}
		if err := i.getJSON("/gateway/consumers?"+query.Encode(), &answer); err != nil {
			return nil, err
		}
		list = append(list, answer.Consumers...)
		if len(name) > 0 && len(list) == 0 {
			return nil, fmt.Errorf("consumer %q does not exist", name[0])
		}
		if len(answer.Consumers) == 0 || len(list) >= answer.Total {
			return list, nil
		}
	}
}

func printConsumers(w io.Writer, list []consumerView) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CONSUMER\tGROUPS\tMODELS\tALLOWED FROM\tPLANS\tKEYS")
	for _, c := range list {
		keys := make([]string, 0, len(c.Keys))
		for _, k := range c.Keys {
			id := k.ID
			switch {
			case !k.Active:
				id += " (inactive)"
			case k.Until != nil:
				id += " (until " + k.Until.Format("2006-01-02T15:04:05Z07:00") + ")"
			}
			keys = append(keys, id)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, strings.Join(c.Groups, " "),
			orAll(c.Models), orAll(c.AllowIPs), cmp.Or(strings.Join(c.Plans, " "), "-"), strings.Join(keys, ", "))
	}
	return table.Flush()
}

func orAll(list []string) string {
	if len(list) == 0 {
		return "*"
	}
	return strings.Join(list, " ")
}

func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s is %q; write one of: %s", flag, value, strings.Join(allowed, ", "))
}
