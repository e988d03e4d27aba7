#!/bin/bash
# whole.sh - a file that a command writes is whole under its name, or not there: with limits on sizes, a full disk, a reader that goes away,
# two commands that write one name at once; and no file beside it is touched.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
"$BOOTREEL" record -q -o demo.reel || fail "record"
reel=$work/demo.reel

# NAME COMMAND…: what writes a file, whose name is put at its end.
commands() {
    cat <<EOF
digest digest $reel -o
json export $reel --format json -o
html export $reel --format html --pictures 0 -o
sqlite export $reel --format sqlite -o
apng export $reel --format apng --pictures 3 -o
png screen $reel --png
text tui $reel --dump
annotate annotate -q $reel -o
EOF
}

# Nothing is left but what was there.
left() { # WHAT
    local found
    found=$(ls -A d)
    [ "$found" = "$kept" ] || fail "$1: in the folder are $found"
}

while read -r name line; do
    read -ra words <<<"$line"
    rm -rf d && mkdir d
    echo mine >d/x.part
    echo before >d/x
    chmod 640 d/x
    kept=$(ls -A d)
    # The size limit is in blocks of 1024 bytes; some outputs are shorter than one, so the limit is none at all.
    for limit in 0 2; do
        said=$( (ulimit -f $limit && exec "$BOOTREEL" "${words[@]}" d/x) 2>&1 >/dev/null </dev/null)
        status=$?
        [ $status = 0 ] && [ $limit = 2 ] && { echo before >d/x; continue; }
        [ $status = 2 ] && [[ $said == 'bootreel: '* && $said != *$'\n'* ]] || fail "$name, ulimit -f $limit: status $status: $said"
        [ "$(cat d/x)" = before ] || fail "$name, ulimit -f $limit: the earlier file is another"
        left "$name, ulimit -f $limit"
    done
    "$BOOTREEL" "${words[@]}" d/x >out.txt 2>err.txt </dev/null || fail "$name: $(cat err.txt)"
    [ "$(cat d/x.part)" = mine ] || fail "$name: x.part is another file now"
    [ "$(head -c 7 d/x | tr -d '\0')" != before ] || fail "$name: it wrote nothing"
    [ "$(stat -c %a d/x)" = 640 ] || fail "$name: the file's permissions are $(stat -c %a d/x)"
    left "$name"
    # Through a link, which stays one.
    ln -s x d/link
    "$BOOTREEL" "${words[@]}" d/link >out.txt 2>err.txt </dev/null || fail "$name, to a link: $(cat err.txt)"
    [ -L d/link ] || fail "$name: the link is a file now"
done < <(commands)

# A full disk, and a reader that goes away.
for words in "digest $reel -o" "export $reel --format json -o" "tui $reel --dump"; do
    # shellcheck disable=SC2086
    "$BOOTREEL" $words /dev/full >out.txt 2>err.txt </dev/null
    status=$?
    [ $status = 2 ] && [ "$(wc -l <err.txt)" = 1 ] || fail "$words /dev/full: status $status: $(cat err.txt)"
    holds err.txt 'No space left' "$words /dev/full"
done
mkfifo pipe
"$BOOTREEL" export "$reel" --format json -o pipe >out.txt 2>err.txt </dev/null &
head -c 10 pipe >/dev/null
wait $!
status=$?
[ $status = 2 ] && holds err.txt '^bootreel: pipe: cannot be written: Broken pipe' "a pipe" || fail "a pipe: status $status: $(cat err.txt)"

# Two at once, several times: the file is one of both, as a whole.
"$BOOTREEL" export "$reel" --format json -o a.json
"$BOOTREEL" export "$reel" --format speedscope -o b.json
for _ in 1 2 3 4 5; do
    "$BOOTREEL" export "$reel" --format json -o both.json &
    "$BOOTREEL" export "$reel" --format speedscope -o both.json || fail "one of two at once"
    wait $! || fail "the other of two at once"
    cmp -s both.json a.json || cmp -s both.json b.json || fail "two at once: neither's file"
done
! ls .both* >/dev/null 2>&1 || fail "two at once: something is left"

# A recording does not touch NAME.part of somebody else either.
echo mine >r.reel.part
"$BOOTREEL" record -q -o r.reel || fail "record"
[ "$(cat r.reel.part)" = mine ] && [ -s r.reel ] && ! ls r.reel.*.part >/dev/null 2>&1 || fail "record: NAME.part is another file now"
finish
