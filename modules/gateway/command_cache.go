// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const cacheInstance = "[--format table|json] [--address <interface>] [--config <path> [--adapter <name>]]"

func cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Shows and purges the response caches of the running instance",
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(cacheStatsCommand(), cachePurgeCommand())
	return cmd
}

func cacheStatsCommand() *cobra.Command {
	var (
		from   instance
		format string
	)
	cmd := &cobra.Command{
		Use:   "stats [<cache>] " + cacheInstance,
		Short: "Shows what is in caches, what they did with requests, and what that saved",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("--format", format, "table", "json"); err != nil {
				return err
			}
			query := url.Values{}
			if len(args) > 0 {
				query.Set("cache", args[0])
			}
			var list cacheList
			if err := from.getJSON("/gateway/cache?"+query.Encode(), &list); err != nil {
				return err
			}
			if format == "json" {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return list.print(cmd.OutOrStdout())
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

func cachePurgeCommand() *cobra.Command {
	var (
		from   instance
		format string
		all    bool
		tags   []string
	)
	params := map[string]*string{}
	cmd := &cobra.Command{
		Use: "purge [--cache <name>] [--key <key>] [--consumer <name>] [--provider <name>] [--model <name>] [--route <name>] " +
			"[--tag <tag>] [--host <host>] [--path <path>] | --all " + cacheInstance,
		Short: "Forgets stored responses",
		Long: `
Forgets stored responses, at once and without asking: those of which everything
holds that is given, the one under --key, or all of them with --all. It is about all
caches of the instance, or the one that --cache names; in a cache that is in Redis
it is about all gateways that share it. Requests are answered by the upstream then,
and what it answered before is not stored afterwards.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("--format", format, "table", "json"); err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range params {
				if cmd.Flags().Changed(name) { // the instance refuses one without a value
					query.Set(name, *value)
				}
			}
			if cmd.Flags().Changed("tag") {
				query["tag"] = tags
			}
			if all {
				query.Set("all", "true")
			}
			if len(query) == 0 || len(query) == 1 && query.Has("cache") {
				return errors.New("say what to purge with --key, --consumer, --provider, --model, --route, --tag, --host or --path, or everything with --all")
			}
			var answer cachePurge
			if err := from.deleteJSON("/gateway/cache?"+query.Encode(), &answer); err != nil {
				return err
			}
			if format == "json" {
				return printJSON(cmd.OutOrStdout(), answer)
			}
			return answer.print(cmd.OutOrStdout())
		},
	}
	from.flags(cmd)
	flag := func(name, usage string) { params[name] = cmd.Flags().String(name, "", usage) }
	flag("cache", "Only in this cache")
	flag("key", "The response under this key: the 64 hexadecimal digits of X-Cache-Key")
	flag("consumer", "Responses that this consumer has caused")
	flag("provider", "Responses of this provider")
	flag("model", "Responses of this model")
	flag("route", "Responses of this route")
	flag("host", "Responses to requests for this host")
	flag("path", "Responses to requests for this path, without what follows a question mark")
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "Responses with this tag of the option tags of gateway_cache; may repeat")
	cmd.Flags().BoolVar(&all, "all", false, "All responses")
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

// deleteJSON has the admin API forget something.
func (i *instance) deleteJSON(uri string, v any) error {
	address, err := caddycmd.DetermineAdminAPIAddress(i.address, nil, i.config, i.adapter)
	if err != nil {
		return fmt.Errorf("find admin API: %w", err)
	}
	res, err := caddycmd.AdminAPIRequest(address, http.MethodDelete, uri, nil, nil)
	if err != nil {
		return fmt.Errorf("ask the admin API at %s: %w", address, err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		return fmt.Errorf("read answer of the admin API: %w", err)
	}
	return nil
}

func (l *cacheList) print(w io.Writer) error {
	if len(l.Caches) == 0 {
		_, err := fmt.Fprintln(w, "No cache is in use.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CACHE\tSTORE\tENTRIES\tBYTES\tEVICTED\tHITS\tSTALE\tCOALESCED\tREVALIDATED\tMISSES\tBYPASSED\tHIT RATIO\tSAVED")
	for i := range l.Caches {
		c := &l.Caches[i]
		entries, size := "-", "-"
		if c.Entries != nil {
			entries = strconv.FormatInt(*c.Entries, 10)
		}
		if c.Bytes != nil {
			size = humanize.IBytes(uint64(max(*c.Bytes, 0)))
			if c.MaxBytes > 0 {
				size += " of " + humanize.IBytes(uint64(c.MaxBytes))
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d", c.Name, c.Store, entries, size, c.Evicted)
		for _, status := range cacheStatuses {
			fmt.Fprintf(table, "\t%d", c.Requests[status])
		}
		fmt.Fprintf(table, "\t%s\t%s usd\n", c.ratio(), c.Saved)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range l.Caches {
		if c := &l.Caches[i]; c.Error != "" {
			if _, err := fmt.Fprintf(w, "warning: cache %s: %s\n", c.Name, c.Error); err != nil {
				return err
			}
		}
	}
	return nil
}

// ratio is which part of the requests that the cache was for did not need the upstream's
// whole answer.
func (c *cacheView) ratio() string {
	var served, all uint64
	for status, n := range c.Requests {
		switch status {
		case state.CacheBypass:
			continue
		case state.CacheMiss:
		default:
			served += n
		}
		all += n
	}
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", float64(served)/float64(all)*100)
}

func (p *cachePurge) print(w io.Writer) error {
	for _, c := range p.Purged {
		count := "purged; it does not count entries"
		switch {
		case c.Entries == nil:
		case *c.Entries == 1:
			count = "1 entry purged"
		default:
			count = fmt.Sprintf("%d entries purged", *c.Entries)
		}
		if _, err := fmt.Fprintf(w, "cache %s: %s\n", c.Cache, count); err != nil {
			return err
		}
	}
	if len(p.Purged) == 0 {
		_, err := fmt.Fprintln(w, "No cache is in use.")
		return err
	}
	return nil
}
