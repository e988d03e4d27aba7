#!/bin/bash
# interactive.sh - record -i: what is typed is recorded and comes back in the replay; an idle guest leaves the host idle.
. "$(dirname "$0")/../lib.sh"
need_guests
shell=(--kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-shell.gz")
prompt='/ # '

replayed() { # NAME: replay --verify --jobs 1 of $work/NAME.reel prints what the recording printed
    expect 0 "$1-replay" "$BOOTREEL" replay --verify --jobs 1 "$work/$1.reel"
    holds "$work/$1-replay.out" '^verified: ' "$1"
    [ "$1" != live ] || every_way live "$work/live.reel"
}

# The console alone: without the empty line and the summary that follow it.
console_of() { sed -n '/^marks (icount/q;p' "$1"; }

piped() { # NAME
    printf '%s\n' 'echo answer $((6 * 7))' 'stty -a | head -n 1' 'echo abc | md5sum' exit |
        "$BOOTREEL" record -i "${shell[@]}" --append 'console=ttyS0 quiet' -o "$work/$1.reel" >"$work/$1.out" 2>"$work/$1.err" ||
        fail "$1: record -i exits with $?"
}

typed_by_a_pipe() {
    piped pipe
    holds "$work/pipe.out" '^answer 42' "pipe: what the shell answers"
    holds "$work/pipe.out" '0bee89b07a248e27c83fc3d5951213c1' "pipe: what the shell answers"
    holds "$work/pipe.out" 'the guest switched itself off' "pipe: how it ended"
    holds "$work/pipe.out" '[1-9][0-9]* inputs' "pipe: the summary"
    [ ! -s "$work/pipe.err" ] || fail "pipe: on standard error: $(cat "$work/pipe.err")"
    replayed pipe
    console_of "$work/pipe.out" | tr -d '\r' | sed '/^$/d' >"$work/a"
    head -n -1 "$work/pipe-replay.out" | tr -d '\r' | sed '/^$/d' >"$work/b"
    same "$work/a" "$work/b" "pipe: console of the replay"
    expect 0 pipe-info "$BOOTREEL" info "$work/pipe.reel"
    holds "$work/pipe-info.out" '^inputs +[1-9]' "pipe: info"
}

# Typed by lines at the prompts: the same bytes make the same recording, however fast they come.
typed_again() {
    {
        sleep 1
        printf 'echo answer $((6 '
        sleep 1
        printf '%s\n' '* 7))' 'stty -a | head -n 1' 'echo abc | md5sum' exit
    } | "$BOOTREEL" record -i "${shell[@]}" --append 'console=ttyS0 quiet' -o "$work/again.reel" >/dev/null || fail "again: exits with $?"
    same "$work/pipe.reel" "$work/again.reel" "the same lines piped in more slowly"
}

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; } # user and system time, in 1/100 s

# wait_for FILE TEXT SECONDS
wait_for() {
    local i
    for ((i = 0; i < $3 * 10; i++)); do
        grep -qF -- "$2" "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    fail "waited $3 s in vain for \"$2\" in $(basename "$1")"
    return 1
}

# A guest that waits at its prompt for a person who does not type.
idle() {
    local pid before size t0
    mkfifo "$work/keys"
    "$BOOTREEL" record -i "${shell[@]}" --append 'console=ttyS0 quiet' -o "$work/idle.reel" >"$work/idle.out" 2>&1 <"$work/keys" &
    pid=$!
    exec 3>"$work/keys"
    wait_for "$work/idle.out" "$prompt" 60
    sleep 1
    before=$(ticks $pid) size=$(stat -c %s "$work/idle.reel") t0=$SECONDS
    sleep 6
    before=$(($(ticks $pid) - before)) size=$(($(stat -c %s "$work/idle.reel") - size))
    echo "idle: $before/100 s of processor time and $size bytes of trace in $((SECONDS - t0)) s"
    [ "$before" -le 60 ] || fail "idle: $before/100 s of processor time in 6 s"
    [ "$size" -le 200000 ] || fail "idle: the trace grew by $size bytes in 6 s"
    echo 'echo still $((40 + 4)) there' >&3
    wait_for "$work/idle.out" 'still 44 there' 20
    kill -TERM $pid
    wait $pid || fail "idle, ended by SIGTERM: exit status $?"
    exec 3>&-
    replayed idle
    holds "$work/idle-replay.out" 'still 44 there' "idle: the replay"
}

# The screen and the keyboard instead of the serial port.
keyboard() {
    printf '%s\n' 'echo Answer $((6 * 7)) "A-Z~!@#" >/dev/console' exit |
        "$BOOTREEL" record -i --vga-console "${shell[@]}" -o "$work/keyboard.reel" >"$work/keyboard.out" 2>"$work/keyboard.err" ||
        fail "keyboard: exits with $?"
    replayed keyboard
    "$BOOTREEL" events --class console "$work/keyboard.reel" >"$work/keyboard-events"
    holds "$work/keyboard-events" 'Answer 42 A-Z~!@#' "keyboard: events"
}

# The console without escape sequences. Live in a boot that has printed nothing yet: what is typed goes to where it will.
live() {
    printf '%s\n' 'page console' 'expect / # echo answer' 'goto stage:user.init' live 'live-until / #' 'type echo answer $((6 * 7))' 'keys Enter' 'live-until answer 42' 'keys C-a s' \
        "save $work/live.reel" >"$work/script"
    expect 0 live "$BOOTREEL" tui "$work/pipe.reel" --script "$work/script"
    replayed live
    holds "$work/live-replay.out" 'answer 42' "live: the replay"
}

{
    typed_by_a_pipe
    live
    typed_again
} &
idle
keyboard
wait
finish
