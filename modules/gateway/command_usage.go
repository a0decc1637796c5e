// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func usageCommand() *cobra.Command {
	var (
		from   instance
		format string
		by     string
	)
	filters := map[string]*string{"consumer": new(string), "provider": new(string), "model": new(string), "route": new(string)}
	cmd := &cobra.Command{
		Use:   "usage [--by consumer,model] [--consumer <name>] [--provider <name>] [--model <name>] [--route <name>] [--format table|json|csv] [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Shows what consumers used and what it cost, since the running instance started",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("--format", format, "table", "json", "csv"); err != nil {
				return err
			}
			query := url.Values{"by": {by}}
			for name, value := range filters {
				if *value != "" {
					query.Set(name, *value)
				}
			}
			var list usageList
			if err := from.getJSON("/gateway/usage?"+query.Encode(), &list); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch format {
			case "json":
				return printJSON(out, list)
			case "csv":
				return list.csv(out, strings.Split(by, ","))
			default:
				return list.table(out, strings.Split(by, ","))
			}
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVar(&by, "by", "consumer,model", "What to tell apart: any of consumer, provider, model and route, separated by commas")
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	for name, value := range filters {
		cmd.Flags().StringVar(value, name, "", "Only this "+name)
	}
	return cmd
}

// usageColumns are the figures that a table shows.
var usageColumns = []string{"requests", "failed", "input_tokens", "output_tokens", "cost_usd", "cache_savings_usd", "unpriced_calls"}

func (s *usageSums) columns() []string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return []string{
		n(s.Requests), n(s.Failed), n(s.InputTokens), n(s.OutputTokens),
		s.Cost.String(), s.Saved.String(), n(s.PriceUnknown),
	}
}

// names are the values of the dimensions by which the row was summed.
func (v *usageView) names(by []string) []string {
	names := make([]string, len(by))
	for i, name := range by {
		value := map[string]*string{"consumer": v.Consumer, "provider": v.Provider, "model": v.Model, "route": v.Route}[strings.TrimSpace(name)]
		if value != nil {
			names[i] = *value
		}
	}
	return names
}

// csv writes the rows, without the total: a spreadsheet adds up by itself.
func (l *usageList) csv(w io.Writer, by []string) error {
	out := csv.NewWriter(w)
	_ = out.Write(append(append([]string{}, by...), usageColumns...)) // Error says it
	for i := range l.Rows {
		_ = out.Write(append(l.Rows[i].names(by), l.Rows[i].columns()...))
	}
	out.Flush()
	return out.Error()
}

func (l *usageList) table(w io.Writer, by []string) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(names, figures []string) {
		for _, cell := range append(names, figures...) {
			if cell == "" {
				cell = "-"
			}
			fmt.Fprint(out, cell, "\t")
		}
		fmt.Fprintln(out)
	}
	line(append([]string{}, by...), usageColumns)
	for i := range l.Rows {
		line(l.Rows[i].names(by), l.Rows[i].columns())
	}
	total := make([]string, len(by))
	total[0] = "total"
	line(total, l.Total.columns())
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print usage: %w", err)
	}
	_, err := fmt.Fprintf(w, "since %s\n", l.Since.Format("2006-01-02 15:04:05 MST"))
	return err
}
