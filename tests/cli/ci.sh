#!/bin/bash
# ci.sh - ci/: the page as it stands, and what boot-test does with boots that are new, broken, or cannot be recorded.
. "$(dirname "$0")/../lib.sh"
mkdir "$work/bin" && ln -s "$BOOTREEL" "$work/bin/bootreel" && ln -s "$top/ci/boot-test" "$work/bin/"
export PATH=$work/bin:$PATH
mkdir "$work/page" && cd "$work/page" || exit 2
printf '%s\n' 'memory  64M   --memory 64M' 'memory  128M  --memory 128M' 'all     --max-size 1G --until 60s' 'ends    power-off' >smoke.matrix
said=$(python3 "$top/tests/pages.py" "$top/ci/README.md" 2>&1) || fail "$said"

mkdir "$work/step" && cd "$work/step" || exit 2
expect 2 usage boot-test
holds "$work/usage.err" '^usage: boot-test' usage
printf '\364' >halt.bin
printf '%s\n' 'boot good' 'boot bad --flat halt.bin@0x1000' 'ends power-off' >two.matrix
expect 1 broken boot-test two.matrix kept artefacts
holds "$work/broken.out" '^--- bad$' "which boot is broken"
holds "$work/broken.out" 'halted for good' "the verdict in the log"
grep -q '<failure message="[^"]*halted' artefacts/bad.junit.xml || fail "JUnit: no failure"
grep -q 'failures="0"' artefacts/good.junit.xml || fail "JUnit: a failure of a good boot"
[ -s artefacts/bad.html ] && [ ! -e artefacts/good.html ] || fail "pages: $(ls artefacts)"
for f in bad good; do expect 0 info bootreel info "artefacts/$f.reel"; done
# Trouble is not a broken boot, and counts more.
sed -i 's/halt.bin/none.bin/' two.matrix
expect 2 trouble boot-test two.matrix kept artefacts
holds "$work/trouble.out" 'none.bin' "what is missing"
[ ! -e artefacts/bad.reel ] || fail "the trace of an earlier run is taken for this one's"
expect 2 unaccepted boot-test --accept two.matrix kept nowhere
holds "$work/unaccepted.err" '^boot-test: nowhere/good.digest is not there: run boot-test' "what to do first"
# An option is no matrix.
expect 0 help boot-test --help
holds "$work/help.out" '^usage: boot-test' "help"
expect 2 option boot-test --acept two.matrix
holds "$work/option.err" '^boot-test: option "--acept" is unknown' "an unknown option"
expect 2 none boot-test none.matrix
finish
