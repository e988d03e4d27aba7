#!/bin/bash
# models.sh - every model of --cpu: what the guests of system.sh say of it, and a Debian of its age that gets to its first process. The
# default model is in all other tests.
. "$(dirname "$0")/../lib.sh"
need_guests
build test-guests >"$work/make.log" 2>&1 || { cat "$work/make.log"; exit 1; }
guests=$top/build/release/tests/guests
"$BOOTREEL" record --cpu '?' -o "$work/none.reel" 2>"$work/models.err" && fail "a model '?'"
models=$(sed -n 's/.*there are: //p' "$work/models.err" | tr -d ,)
[ "$(wc -w <<<"$models")" -ge 5 ] || fail "the list of models: $(cat "$work/models.err")"

# What a model's lines of the golden may differ in: what it lacks, and addresses of 57 bits.
differing() { # MODEL
    case $1 in
    i686) echo '^no-execute' ;;
    x86-64) echo '^LAHF and SAHF are there|^RDTSCP' ;;
    max) echo 'not canonical' ;;
    intel-*) echo '^.?SYSCALL from compatibility mode|cs and ss 100008, rcx|^.?SYSRET:' ;; # in 64-bit code only
    *) echo '^$' ;;
    esac
}

system() { # MODEL GUEST
    "$BOOTREEL" record --cpu "$1" --kernel "$guests/$2.bin" --until 500M --console=debug -q -o "$work/$1-$2.reel" >"$work/$1-$2.out" ||
        fail "$1: $2 exits with $?"
    same <(grep -vE "$(differing "$1")" "$work/$1-$2.out") <(grep -vE "$(differing "$1")" "$top/tests/guests/$2.golden") "$1: $2"
}

debian() { # MODEL KERNEL
    expect 0 "$1-debian" timeout 600 "$BOOTREEL" record --cpu "$1" --kernel "$2" --initrd "$GUESTS/initrd-calls.gz" --append "console=ttyS0 quiet" \
        --until 'console:truth: end' --no-index --checkpoint-every 1G --console -q -o "$work/$1.reel"
    holds "$work/$1-debian.out" '^truth: end' "$1: Debian's first process gets to its end"
}

for model in $models; do
    [ "$model" != x86-64-v2 ] || continue
    system "$model" sys32
    [ "$model" = i686 ] || { system "$model" sys64; debian "$model" "$GUESTS/vmlinuz"; }
done
need_group i386 "a mirror that has i386"
debian i686 "$GUESTS/i386/vmlinuz"
finish
