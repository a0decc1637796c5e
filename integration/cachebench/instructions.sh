#!/usr/bin/env bash
# Counts the instructions that a gateway executes for a request, from the first byte that
# is read to the last one that is written, and compares hits with Caddy's respond to the
# same. The kernel's are not among them. Counts do not depend on what else the machine
# does. Needs valgrind. Names of answers may be given: 1k, 20k, chat.
set -euo pipefail
cd "$(dirname "$0")"
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 1; }
[ "$#" -gt 0 ] || set -- 1k 20k chat

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go test -c -o "$dir/cachebench.test" .

# total prints the instructions of a run of n requests.
total() {
  GOGC=off GOMAXPROCS=1 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
    "$dir/cachebench.test" -test.run '^$' -test.bench "Memory/^$1\$/^$2\$" -test.benchtime="$3x" 2>&1 |
    sed -n 's/.*I *refs: *//p' | tr -d ,
}

# each prints those of one request: the difference between a long run and a short one.
each() {
  local few many
  few=$(total "$1" "$2" 500)
  many=$(total "$1" "$2" 2500)
  echo $(((many - few) / 2000))
}

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
