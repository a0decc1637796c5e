# Functions for scripts that count instructions. They source this file.

command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 1; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go test -c -o "$dir/counted.test" .

# total prints the instructions of a run of the benchmark $1 with $2 requests.
total() {
  GOGC=off GOMAXPROCS=1 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
    "$dir/counted.test" -test.run '^$' -test.bench "$1" -test.benchtime="$2x" 2>&1 |
    sed -n 's/.*I *refs: *//p' | tr -d ,
}

# difference prints those of one request of the benchmark $1: the difference between a run of
# $2 requests, in which everything has been loaded, and one with $3 more.
difference() {
  local few many
  few=$(total "$1" "$2")
  many=$(total "$1" "$(($2 + $3))")
  echo $(((many - few) / $3))
}
