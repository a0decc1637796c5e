#!/usr/bin/env bash
# Counts the instructions that each chain executes for a request, and compares them
# with those of the bare proxy. Counts do not depend on what else the machine does.
# Needs valgrind. Names of chains may be given; the default is the whole list. ANSWERS
# names the answers: 1k, 20k, 200k, stream.
set -euo pipefail
cd "$(dirname "$0")"
[ "$#" -gt 0 ] || set -- header encoder correlation_id request_guard key_auth ip_restriction acl llm_cost quota_one quota chain chain_journal chain_quota chain_quota_journal chain_budget

source ../cachegrind.sh

each() { difference "Chain/^$1\$/^$2\$" 200 500; }

printf '%-8s %-16s %12s %8s\n' answer chain instructions ratio
for answer in ${ANSWERS:-1k 20k stream}; do
  none=$(each "$answer" none)
  bare=$(($(each "$answer" bare) - none))
  printf '%-8s %-16s %12d %8s\n' "$answer" bare "$bare" 1
  for chain in "$@"; do
    n=$(($(each "$answer" "$chain") - none))
    printf '%-8s %-16s %12d %8s\n' "$answer" "$chain" "$n" "$(awk "BEGIN { printf \"%.3f\", $n / $bare }")"
  done
done
