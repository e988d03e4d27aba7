#!/bin/bash
# outputs.sh - nothing is written over what is being read, under whatever name: each command that writes, and each file that it reads.
. "$(dirname "$0")/../lib.sh"
need_efi
cd "$work" || exit 2

printf '\353\376' >loop.bin
: >empty.profile
head -c 1M /dev/zero >disk.img
expect 1 record "$BOOTREEL" record -q --flat loop.bin@0x1000 --until 200k -o a.reel
expect 1 record "$BOOTREEL" record -q --flat loop.bin@0x1000 --until 300k -o b.reel
cp a.reel a.kept
cp b.reel b.kept
ln -s a.reel link
ln a.reel hard
ln -s link chain

untouched() { # WHAT
    same a.reel a.kept "$1" || cp a.kept a.reel
    same b.reel b.kept "$1" || cp b.kept b.reel
}
refused() { # COMMAND...: what it would write is something that it reads
    local status
    "$BOOTREEL" "$@" >out.txt 2>err.txt </dev/null
    status=$?
    [ $status = 2 ] && [ "$(wc -l <err.txt)" = 1 ] || fail "$*: exit status $status: $(cat err.txt)"
    grep -Eq 'is a file to be read|this is the (image|trace)|is the same folder' err.txt || fail "$*: it says $(cat err.txt)"
    untouched "$*"
}

# Commands, and names for one file. /dev/fd/3 is one, too.
for option in "annotate -o" "digest -o" "export --format json -o" "screen --png" "tui --dump"; do
    read -ra words <<<"$option"
    for file in a.reel ./a.reel link hard chain "$work/a.reel"; do refused "${words[@]}" "$file" a.reel; done
    refused "${words[@]}" /dev/fd/3 a.reel 3<>a.reel
done

# The terminal interface: show and save, with one trace or two.
: >script
for file in a.reel link hard; do
    echo "show $file" >script
    refused tui a.reel --script script
    echo "show $file" >script
    refused tui b.reel a.reel --script script
done
refused tui a.reel b.reel --dump b.reel
echo 'show script' >script
refused tui a.reel --script script
holds script '^show script$' "the script is still there"
refused tui a.reel --script script --dump script
for file in a.reel hard chain; do
    printf '%s\n' 'goto 100k' 'keys l' 'keys x' 'keys C-a s' "save $file" 'message is a file to be read' "save x-$file" >script
    expect 0 save "$BOOTREEL" tui a.reel --script script
    untouched "save $file"
    expect 0 saved "$BOOTREEL" replay --verify -q "x-$file"
done
# The trace is still the open one when its name has become another.
cp a.kept moved.reel
mkfifo steps
"$BOOTREEL" tui moved.reel --script steps >out.txt 2>&1 &
{
    printf '%s\n' 'goto 100k' 'show moved.txt'
    while [ ! -s moved.txt ]; do sleep 0.1; done
    mv moved.reel other.reel
    echo 'show other.reel'
} >steps
wait $! && fail "a trace that was renamed while it was open is written over"
same other.reel a.kept "a trace that was renamed"

# Standard output.
for command in "events" "diff b.reel" "export --format json"; do
    read -ra words <<<"$command"
    "$BOOTREEL" "${words[@]}" a.reel >>a.reel 2>err.txt && fail "$command >> its own trace"
    holds err.txt 'standard output is a file to be read' "$command: what it says"
    untouched "$command >> its own trace"
done

# Recording: images under other names, symbols, a profile, what is typed, and its own other output.
cp "$BOOTREEL" program.elf
cp disk.img disk.kept
cp empty.profile profile.kept
ln -s disk.img disk.link
ln disk.img disk.hard
for file in disk.img disk.link disk.hard; do
    refused record --disk disk.img --until 1M -o "$file"
    refused record --bios ovmf --disk disk.img --until 1M -o x.reel --save-vars "$file"
done
refused record --flat loop.bin@0x1000 --until 1M --symbols program.elf -o program.elf
refused record --flat loop.bin@0x1000 --until 1M --profile empty.profile -o empty.profile
refused record --bios ovmf --until 1M -o x.reel --save-vars x.reel
refused annotate a.reel --profile empty.profile -o empty.profile
cmp -s program.elf "$BOOTREEL" && cmp -s disk.img disk.kept && cmp -s empty.profile profile.kept || fail "a file that was read is another now"
echo help >typed
"$BOOTREEL" record -q -i --flat loop.bin@0x1000 --until 1M -o typed <typed >/dev/null 2>err.txt && fail "what is typed is written over"
holds typed '^help$' "what was typed is still there"
rm -f x.reel
"$BOOTREEL" record -q --bios ovmf --until 1M -o ./x.reel --save-vars x.reel >/dev/null 2>err.txt && fail "the variables are written over the trace"
expect 0 info "$BOOTREEL" info x.reel

# A matrix whose results would be compared with themselves.
printf '%s\n' 'memory 1M --memory 1M' 'all --flat loop.bin@0x1000 --until 100k' >m.matrix
mkdir results
refused matrix m.matrix --run 1 -o results --against ./results
finish
