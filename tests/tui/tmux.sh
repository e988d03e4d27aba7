# tmux.sh - what the scripts share that press real keys on a real terminal. Source it after lib.sh.
command -v tmux >/dev/null || { echo "no tmux: scripts/deps test installs it"; exit 2; }

server=0
mux() { tmux -L "bootreel$$.$server" -f /dev/null "$@"; }
trap 'mux kill-server 2>/dev/null; sleep 0.3; rm -rf "$work"' EXIT

# begin SIZE: a shell in a terminal of that size (TERM_AS: of that kind).
begin() {
    local w=${1%x*} h=${1#*x}
    mux kill-server 2>/dev/null
    server=$((server + 1))
    mux new-session -d -x "$w" -y "$h" "env -i PATH=$PATH HOME=$work XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config LC_ALL=C.UTF-8 TERM=${TERM_AS:-screen-256color} PS1='$ ' bash --norc --noprofile"
    await '^\$' "a shell"
}
press() { mux send-keys "$@"; }
type_line() { mux send-keys -l "$1" && mux send-keys Enter; }
seen() { mux capture-pane -p; }
escape() { press Escape && sleep 0.1; } # a key right after it would be one with Alt
# await REGEXP WHAT: until the terminal shows it, at most thirty seconds. What follows makes no sense without it.
await() {
    local i
    for ((i = 0; i < 600; i++)); do
        seen >"$work/seen"
        grep -Eq -- "$1" "$work/seen" && return 0
        sleep 0.05
    done
    fail "$2: the terminal does not show \"$1\""
    cat "$work/seen"
    finish
}
# run COMMAND...: in the shell; its status is printed, its process id in $work/pid, the terminal's settings before and after kept.
run() { type_line "clear; stty -g >$work/stty.before; (echo \$BASHPID >$work/pid; exec $*); echo status \$?; stty -g >$work/stty.after"; }
ended() { # STATUS WHAT
    await "status $1" "$2: it ends with $1"
    await '^\$$' "$2: the shell goes on"
    cmp -s "$work/stty.before" "$work/stty.after" || fail "$2: the terminal is not as it was"
}
