// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func usageCommand() *cobra.Command {
	var (
		from           instance
		format, ledger string
	)
	params := map[string]*string{}
	cmd := &cobra.Command{
		Use: "usage [--by consumer,model] [--since <time>] [--until <time>] [--consumer <name>] [--provider <name>] [--model <name>] [--route <name>] [--tag <name>] " +
			"[--instance this] [--format table|json|csv] [--ledger <directory>] [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Shows what consumers used and what it cost",
		Long: `
Shows what consumers used and what it cost, what an hour and a day of that time
cost, and a projection of the current month. It asks the running instance or, with
--ledger, reads the ledger in a directory that no instance uses.

--since and --until take how long ago (24h, 7d), a date (2026-11-01, from its
beginning or until its end, in UTC) or a time (2026-11-01T12:00:00Z). Usage is kept
by the hour, so that they are rounded to whole hours.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("--format", format, "table", "json", "csv"); err != nil {
				return err
			}
			query := url.Values{"limit": {strconv.Itoa(maxUsageLimit)}}
			for name, value := range params {
				if *value != "" || name == "by" {
					query.Set(name, *value)
				}
			}
			var list usageList
			var err error
			if ledger == "" {
				err = from.getJSON("/gateway/usage?"+query.Encode(), &list)
				if err != nil && strings.Contains(err.Error(), syscall.ECONNREFUSED.Error()) { // Caddy does not wrap it
					err = fmt.Errorf("%w; if no instance runs, name the directory of its ledger: --ledger <directory>", err)
				}
			} else if from != (instance{}) {
				err = errors.New("--ledger reads a directory, so that --address, --config and --adapter have no meaning beside it")
			} else {
				list, err = usageOffline(ledger, query, cmd.ErrOrStderr())
			}
			if err != nil {
				return err
			}
			return list.print(cmd.OutOrStdout(), format, dimensions(*params["by"]))
		},
	}
	from.flags(cmd)
	flag := func(name, otherwise, usage string) {
		params[name] = cmd.Flags().String(name, otherwise, usage)
	}
	flag("by", "consumer,model", "What to tell apart: any of consumer, provider, model, route, tag, and hour or day, separated by commas")
	flag("since", "", "From when on: 24h, 7d, 2026-11-01 or 2026-11-01T12:00:00Z")
	flag("until", "", "Until when, in the same forms")
	flag("instance", "", "this: only what the instance that is asked has seen itself, where several share a ledger")
	for _, name := range []string{"consumer", "provider", "model", "route", "tag"} {
		flag(name, "", "Only this "+name)
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	ledgerFlag(cmd, &ledger, "Directory of a ledger that no instance uses, to read it without one")
	return cmd
}

// usageOffline reads the ledger in a directory.
func usageOffline(dir string, query url.Values, notes io.Writer) (list usageList, err error) {
	now := time.Now()
	q, err := parseUsage(query, now)
	if err != nil {
		return list, err
	}
	db, recovery, err := openOffline(dir)
	if err != nil {
		return list, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if recovery.Lossy() {
		fmt.Fprintln(notes, "Some of what was recorded is lost: "+recovery.String())
	}
	return diskSource(db, now).report(q, now)
}

func (l *usageList) print(w io.Writer, format string, by []string) error {
	switch format {
	case "json":
		return printJSON(w, l)
	case "csv":
		return l.csv(w, by)
	default:
		return l.table(w, by)
	}
}

// usageColumns are the figures that a table shows.
var usageColumns = []string{
	"requests", "failed", "input_tokens", "output_tokens", "cost_usd", "cache_savings_usd",
	"exact_calls", "estimated_calls", "unpriced_calls",
}

func (s *usageSums) columns() []string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return []string{
		n(s.Requests), n(s.Failed), n(s.InputTokens), n(s.OutputTokens),
		s.Cost.String(), s.Saved.String(), n(s.Exact), n(s.Estimated), n(s.PriceUnknown),
	}
}

// cacheColumns are the figures that a table shows where response caches did something.
var cacheColumns = []string{"response_cache_hits", "response_cache_saved_usd"}

func (s *usageSums) cache() []string {
	return []string{strconv.FormatInt(s.CacheHits, 10), s.Avoided.String()}
}

// classColumns are the further figures of a file: tokens by class, when, and what
// response caches did.
func classColumns() (names []string) {
	for c := range usage.Class(usage.NumClasses) {
		names = append(names, c.String())
	}
	return append(append(names, "first", "last"), cacheColumns...)
}

func (s *usageSums) classes() (figures []string) {
	for c := range usage.Class(usage.NumClasses) {
		figures = append(figures, strconv.FormatInt(s.Classes[c.String()], 10))
	}
	for _, t := range []*time.Time{s.First, s.Last} {
		text := ""
		if t != nil {
			text = t.Format(time.RFC3339)
		}
		figures = append(figures, text)
	}
	return append(figures, s.cache()...)
}

// names are the values of the dimensions by which the row was summed.
func (v *usageView) names(by []string) []string {
	names := make([]string, len(by))
	for i, name := range by {
		value := map[string]*string{
			"consumer": v.Consumer, "provider": v.Provider, "model": v.Model, "route": v.Route,
			"tag": v.Tag, "hour": v.Hour, "day": v.Day,
		}[strings.TrimSpace(name)]
		if value != nil {
			names[i] = *value
		}
	}
	return names
}

// csv writes the rows, without the total: a spreadsheet adds up by itself.
func (l *usageList) csv(w io.Writer, by []string) error {
	out := csv.NewWriter(w)
	_ = out.Write(slices.Concat(by, usageColumns, classColumns())) // Error says it
	for i := range l.Rows {
		row := &l.Rows[i]
		_ = out.Write(slices.Concat(row.names(by), row.columns(), row.classes()))
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
	head := slices.Clone(usageColumns)
	columns := (*usageSums).columns
	if shown := l.cacheShown(); len(shown) > 0 {
		for _, i := range shown {
			head = append(head, cacheColumns[i])
		}
		columns = func(s *usageSums) []string {
			figures := s.columns()
			for _, i := range shown {
				figures = append(figures, s.cache()[i])
			}
			return figures
		}
	}
	line(slices.Clone(by), head)
	for i := range l.Rows {
		line(l.Rows[i].names(by), columns(&l.Rows[i].usageSums))
	}
	total := make([]string, len(by))
	total[0] = "total"
	line(total, columns(&l.Total))
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print usage: %w", err)
	}
	const minute = "2006-01-02 15:04"
	_, err := fmt.Fprintf(w, "from %s to %s UTC: %s USD an hour, %s USD a day\n"+
		"%s: %s USD so far, %s USD at the end of the month with %s USD a day as lately\n",
		l.Since.UTC().Format(minute), l.Until.UTC().Format(minute), l.PerHour, l.PerDay,
		l.Month.Month, l.Month.Cost, l.Month.Projected, l.Month.RecentPerDay)
	if err == nil && l.Warning != "" {
		_, err = fmt.Fprintln(w, "warning: "+l.Warning)
	}
	return err
}

// cacheShown are the cacheColumns in which there is something.
func (l *usageList) cacheShown() (shown []int) {
	sums := append(make([]*usageSums, 0, 1+len(l.Rows)), &l.Total)
	for i := range l.Rows {
		sums = append(sums, &l.Rows[i].usageSums)
	}
	for i := range cacheColumns {
		if slices.ContainsFunc(sums, func(s *usageSums) bool { return s.cache()[i] != "0" }) {
			shown = append(shown, i)
		}
	}
	return shown
}

// dimensions are the names in a list such as "consumer, hour".
func dimensions(list string) []string {
	names := strings.Split(list, ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	return names
}
