#!/usr/bin/env bash
# Counts the instructions that a gateway executes for a request, from the first byte that
# is read to the last one that is written, and compares hits with Caddy's respond to the
# same. The kernel's are not among them. Counts do not depend on what else the machine
# does. Needs valgrind. Names of answers may be given: 1k, 20k, chat.
set -euo pipefail
cd "$(dirname "$0")"
[ "$#" -gt 0 ] || set -- 1k 20k chat

source ../cachegrind.sh

each() { difference "Memory/^$1\$/^$2\$" 500 2000; }

printf '%-8s %-12s %12s %12s\n' answer site instructions "x respond"
for answer in "$@"; do
  respond=respond$answer
  client=$(each "$answer" client)
  base=$(($(each "$answer" "$respond") - client))
  printf '%-8s %-12s %12d %12s\n' "$answer" respond "$base" 1
  list="cache keyed proxy"
  [ "$answer" = chat ] && list="cache keyed whole proxy"
  for site in $list; do
    n=$(($(each "$answer" "$site") - client))
    printf '%-8s %-12s %12d %12s\n' "$answer" "$site" "$n" "$(awk "BEGIN { printf \"%.3f\", $n / $base }")"
  done
done
