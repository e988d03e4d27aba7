#!/bin/bash
# aslr.sh - nothing that is printed or written depends on where the host puts the program's memory: each command, without and with
# randomized addresses, on a trace of a PC and one of the Linux host.
. "$(dirname "$0")/../lib.sh"
setarch -R true 2>/dev/null || skip_all "addresses cannot be fixed here (setarch -R)"
[ "$(cat /proc/sys/kernel/randomize_va_space)" != 0 ] || skip_all "this host does not randomize addresses"
cd "$work" || exit 2
cp "$top"/tests/golden/behaviour-15.reel pc.reel
cp "$top"/tests/golden/linux-11.reel linux.reel
chmod u+w ./*.reel
printf '\272\370\003\260A\356\353\375' >print.bin # prints A on the serial port, again and again

# What is written goes to o; ~ is a blank in a word.
commands() {
    cat <<'END'
info T
info T --format json
info T --check
why T
why T --format json
stages T --all
stages T --format json
events T --explain
events T --events all --format json
processes T
processes T --format json
files T
symbols T
profile T
profile T --format json
screen T
screen T --png o
digest T -o o
query T SELECT~*~FROM~events
query T SELECT~*~FROM~stages
query T EXPLAIN~SELECT~*~FROM~events~JOIN~stages~USING~(icount)
query T EXPLAIN~QUERY~PLAN~SELECT~*~FROM~events~ORDER~BY~kind
query T --format json SELECT~*~FROM~processes
find T --event console --all
find T --exec 0x1000 --count
diff pc.reel linux.reel
diff pc.reel linux.reel --format json
diff pc.reel linux.reel --format html
export T --format json -o o
export T --format perfetto -o o
export T --format folded -o o
export T --format pprof -o o
export T --format sqlite -o o
export T --format html -o o
export T --format pcapng -o o
export T --format speedscope -o o
firmware T map
firmware T tables
replay T
replay T --verify --jobs 3
annotate -q T --events all -o o
record -q --flat print.bin@0x1000 --until 20k -o o
tui T --dump o
tui T --script keys --dump o
END
}
printf '%s\n' 'keys e' 'goto 50%' 'keys s' 'keys r' >keys

run() { # NAME PREFIX...: everything that it prints and writes goes to NAME
    local name=$1
    shift
    rm -rf o
    "$@" >"$name" 2>&1 </dev/null
    printf 'status %s\n' $? >>"$name"
    [ ! -e o ] || cat o >>"$name"
}

n=0
while read -ra words; do
    words=("${words[@]//\~/ }")
    for t in pc linux; do
        line=("${words[@]/#T/$t.reel}")
        case " ${words[*]} " in *" T "*) ;; *) [ $t = pc ] || continue ;; esac
        run fixed setarch -R "$BOOTREEL" "${line[@]}"
        run random "$BOOTREEL" "${line[@]}"
        cmp -s fixed random || fail "${line[*]}: it depends on addresses: $(diff -a fixed random | head -n 3)"
        ! grep -aqE '^(bootreel: )?.*(unknown option|unknown command|usage)' fixed || fail "${line[*]}: $(head -n 2 fixed)"
        n=$((n + 1))
    done
done < <(commands)
echo "aslr: $n commands"
finish
