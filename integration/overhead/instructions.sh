#!/usr/bin/env bash
# Counts the instructions that each chain executes for a request, and compares them
# with those of the bare proxy. Counts do not depend on what else the machine does.
# Needs valgrind. Names of chains may be given; the default is the whole list. ANSWERS
# names the answers: 1k, 20k, 200k, stream.
set -euo pipefail
cd "$(dirname "$0")"
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 1; }
[ "$#" -gt 0 ] || set -- header encoder correlation_id request_guard key_auth ip_restriction acl llm_cost quota_one quota chain chain_journal chain_quota chain_quota_journal chain_budget

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go test -c -o "$dir/overhead.test" .

# total prints the instructions of a run of n requests.
total() {
  GOGC=off GOMAXPROCS=1 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
    "$dir/overhead.test" -test.run '^$' -test.bench "Chain/^$1\$/^$2\$" -test.benchtime="$3x" 2>&1 |
    sed -n 's/.*I *refs: *//p' | tr -d ,
}

# each prints those of one request: the difference between a long run and a short one.
each() {
  local few many
  few=$(total "$1" "$2" 200)
  many=$(total "$1" "$2" 700)
  echo $(((many - few) / 500))
}

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
