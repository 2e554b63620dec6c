#!/bin/sh
# fuzz.sh [--minutes N] [TARGET...]     fuzzes each target for so many minutes (1)
# fuzz.sh --reproduce TARGET FILE       runs one input again
# fuzz.sh --coverage [TARGET...]        says which lines the inputs found so far have reached
#
# Inputs that reached something new are kept in .fuzz/corpus and used by the next run; inputs that
# broke something are kept in .fuzz/findings. Exits with 1 where there was a finding.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

minutes=1
mode=fuzz
while [ $# -gt 0 ]; do
  case "$1" in
    --minutes)
      [ $# -gt 1 ] || fail "--minutes needs a number, like --minutes 0.5"
      minutes=$2
      shift 2
      ;;
    --reproduce) mode=reproduce; shift ;;
    --coverage) mode=coverage; shift ;;
    -*) fail "usage: $0 [--minutes N | --reproduce | --coverage] [TARGET...]" ;;
    *) break ;;
  esac
done
seconds=$(awk -v minutes="$minutes" 'BEGIN { printf "%d", minutes * 60 }')
[ "$seconds" -gt 0 ] || fail "--minutes needs a number, like --minutes 0.5"

all="requests targets tokens manifests json control firewall neighbours agent"
[ "$mode" != reproduce ] || [ $# -eq 2 ] || fail "usage: $0 --reproduce TARGET FILE"
[ "$mode" = reproduce ] || [ $# -gt 0 ] || set -- $all
for target in "$@"; do
  [ -d "Fuzzing/Corpora/$target" ] || [ "$mode" = reproduce ] ||
    fail "There is no target '$target'. There are: $all"
done

need_swift
scratch=Fuzzing/.build
flags=""
if [ "$mode" = coverage ]; then
  scratch=Fuzzing/.build-coverage
  flags="-Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping"
fi
program=$scratch/release/NameplateFuzz
mkdir -p .fuzz/findings
say "Building $program"
# shellcheck disable=SC2086  # several flags
"$SWIFT" build --configuration release --package-path Fuzzing --scratch-path "$scratch" \
  --product NameplateFuzz $flags >.fuzz/build.log 2>&1 || {
  grep -v 'Cannot export local symbol' .fuzz/build.log >&2
  fail "The fuzzing package does not build."
}
# A crash is told by the fuzzer, with the input; the leak detector takes a good half of the time,
# and Swift counts its references.
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8
export SWIFT_BACKTRACE=enable=no

# Inputs of a target's kind that stand in the checkout anyway.
gather_seeds() {
  rm -rf ".fuzz/seeds/$1"
  mkdir -p ".fuzz/seeds/$1" ".fuzz/corpus/$1"
  case "$1" in
    targets)
      sed -n 's/.*"path": *"\([^"]*\)".*/\1/p' Tests/DialectsTests/Fixtures/nova-direct.json |
        sort -u | awk -v folder=".fuzz/seeds/$1" '
          { file = folder "/" NR; printf "%s", $0 >file; close(file) }'
      ;;
    manifests)
      for file in examples/*.yaml Tests/*/Fixtures/*.yaml; do
        cp "$file" ".fuzz/seeds/$1/$(printf %s "$file" | tr / -)"
      done
      ;;
    json) cp Tests/DialectsTests/Fixtures/vendor_data.json ".fuzz/seeds/$1" ;;
  esac
}

# The longest input: a little more than the limits that the target must be seen to keep.
longest() {
  case "$1" in
    requests) echo 40000 ;;
    targets) echo 2100 ;;
    tokens) echo 300 ;;
    neighbours) echo 2048 ;;
    *) echo 8192 ;;
  esac
}

run() {
  target=$1
  shift
  FUZZ_TARGET=$target "$program" -timeout=20 -rss_limit_mb=2048 -max_len="$(longest "$target")" \
    -dict="Fuzzing/Dictionaries/$target.txt" -artifact_prefix=".fuzz/findings/$target-" "$@"
}

value() { sed -n "s/^stat::$1: *//p" "$2"; }

if [ "$mode" = reproduce ]; then
  run "$1" "$2"
  exit
fi
if [ "$mode" = coverage ]; then
  for target in "$@"; do
    gather_seeds "$target"
    LLVM_PROFILE_FILE=.fuzz/$target.profraw run "$target" -runs=0 ".fuzz/corpus/$target" \
      "Fuzzing/Corpora/$target" ".fuzz/seeds/$target" >.fuzz/"$target".log 2>&1 ||
      fail "$target: an input breaks it; see .fuzz/$target.log"
  done
  # The toolchain's own: others do not read its profiles.
  tools=$(dirname "$(readlink -f "$(command -v "$SWIFT")")")
  # shellcheck disable=SC2046  # several files
  "$tools/llvm-profdata" merge -o .fuzz/all.profdata $(for target in "$@"; do echo ".fuzz/$target.profraw"; done)
  exec "$tools/llvm-cov" report "$program" -instr-profile .fuzz/all.profdata -ignore-filename-regex '.build|TestKit|NameplateFuzz'
fi

status=0
printf '%-10s %12s %9s %7s %7s %8s\n' TARGET INPUTS 'A SECOND' EDGES CORPUS 'PEAK MB'
for target in "$@"; do
  gather_seeds "$target"
  log=.fuzz/$target.log
  found=0
  run "$target" -max_total_time="$seconds" -print_final_stats=1 -verbosity=1 \
    ".fuzz/corpus/$target" "Fuzzing/Corpora/$target" ".fuzz/seeds/$target" >"$log" 2>&1 || found=1
  if [ "$found" = 1 ]; then
    status=1
    artifact=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    printf '%-10s FINDING: %s\n' "$target" \
      "$(sed -n 's/.*FINDING: //p; s/.*ERROR: \(.*Sanitizer.*\)/\1/p; s/.*ERROR: libFuzzer: //p' "$log" | head -n 1)"
    say "  to run it again: make fuzz FUZZFLAGS='--reproduce $target $artifact'; all was said in $log"
    continue
  fi
  printf '%-10s %12s %9s %7s %7s %8s\n' "$target" \
    "$(value number_of_executed_units "$log")" "$(value average_exec_per_sec "$log")" \
    "$(sed -n 's/^#.*DONE.* cov: \([0-9]*\).*/\1/p' "$log")" \
    "$(sed -n 's/^#.*DONE.* corp: \([0-9]*\).*/\1/p' "$log")" "$(value peak_rss_mb "$log")"
done
exit "$status"
