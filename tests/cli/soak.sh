#!/bin/bash
# soak.sh - one small piece of each cheap kind of tests/soak/run (make soak), so that it works when it is needed; and that it sees a mistake that is
# planted in compiled code ($BOOTREEL_COMPILE_WRONG), and makes its input small.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
expect 0 soak bash tests/soak/run c=3 strings=1
holds "$work/soak.out" 'without a difference$' "soak"
# A program that multiplies, and one statement of it that is enough.
mkdir "$work/wrong"
python3 tests/soak/program.py make 11 >"$work/wrong/program.c"
printf '%s\n' -w -static -O1 >"$work/wrong/flags"
before=$(grep -c '/\*\*/' "$work/wrong/program.c")
export BOOTREEL_COMPILE_WRONG=imul
expect 1 wrong bash tests/soak/same "$work/wrong"
holds "$work/wrong.out" 'prints something else than the host|make different traces' "a planted mistake"
expect 0 reduce python3 tests/soak/program.py reduce "$work/wrong/program.c" bash tests/soak/same "$work/wrong"
after=$(grep -c '/\*\*/' "$work/wrong/program.c")
[ $((after * 3)) -lt "$before" ] || fail "of $before statements $after are left"
finish
