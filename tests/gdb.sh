# gdb.sh - what the scripts that drive gdb share. Source it after lib.sh.
#
#   transcript NAME SCRIPT     runs gdb on the script; each command is shown before its output. Leaves $work/NAME.out
#   golden NAME                compares that with tests/cli/NAME.expected; REBASE=1 writes it instead. Which stage it is
#                              is the boot profile's matter: left out

command -v gdb >/dev/null || { echo "no gdb: see scripts/deps"; exit 2; }

gdb_run() { # ARGUMENT...: no settings of the person's own, no colours, no asking
    gdb -nx -nh -batch -iex "set confirm off" -iex "set pagination off" -iex "set height 0" -iex "set width 0" \
        -iex "set style enabled off" -iex "set auto-load no" -iex "set debuginfod enabled off" "$@" </dev/null 2>&1
}

# What hooks and python blocks run is not shown; the addresses of other machines neither.
transcript() { # NAME SCRIPT
    gdb_run -ex "set trace-commands on" -x "$2" | grep -v '^++' |
        sed -e "s|$work|WORK|g; s|$BOOTREEL|bootreel|g; s|$top/||g" -e 's/[ \t]*$//' >"$work/$1.out"
}

golden() { # NAME
    local want=tests/cli/$1.expected
    sed -i '/^stage /d' "$work/$1.out"
    if [ "${REBASE:-0}" = 1 ]; then
        cp "$work/$1.out" "$want"
    elif ! diff -u "$want" "$work/$1.out"; then
        fail "$1: the transcript is another; REBASE=1 accepts it"
    fi
}
