# wild.sh - what tests/boot/wild.sh and tests/sanitize/wild.sh share: the fuzz guest (tests/guests/wild). Source it after lib.sh.
need_guests
build test-guests >"$work/make.log" 2>&1 || { cat "$work/make.log"; exit 1; }
wild=$top/build/release/tests/guests
cd "$work" || exit 2
head -c 2M /dev/zero >disk
head -c 1440K /dev/zero >floppy

# A seed is four bytes at 4.
fuzz_guest() { # SEED FILE
    cp "$wild/fuzz.bin" "$2"
    printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x5a\\x3c" |
        dd of="$2" bs=1 seek=4 conv=notrunc status=none
}

# Records the fuzz guest as NAME-SEED.reel, with disks of all kinds to play with, on one to three processors of both models, and
# replays it. It ends, and says how: with status 0 or 1, as random bytes leave the machine, or 2 for what the emulator does not have, which
# it must name.
fuzz() { # NAME PROGRAM SEED UNTIL
    local name=$1-$3 status model=x86-64-v2
    mkdir -p "$name.d" # an image's name is in the trace: the same for all
    fuzz_guest "$3" "$name.d/fuzz.bin"
    [ $(($3 % 2)) = 0 ] || model=max
    timeout -k 10 1200 "$2" record --flat "$name.d/fuzz.bin@0x100000" --memory 16M --cpus $((1 + $3 % 3)) --cpu $model --disk disk \
        --cdrom "$GUESTS/grub.iso" --floppy floppy --until "$4" -o "$name.reel" >"$name.out" 2>"$name.err" </dev/null
    status=$?
    [ $status = 0 ] || [ $status = 1 ] || { [ $status = 2 ] && grep -q '^bootreel: the machine cannot go on at icount' "$name.err"; } ||
        fail "$name: exit status $status: $(tail -n 3 "$name.err")"
    timeout -k 10 1200 "$2" replay --verify --console=none "$name.reel" >"$name-replay.out" 2>&1 </dev/null ||
        fail "$name: replay exits with $?: $(tail -n 3 "$name-replay.out")"
    rm -rf "$name.d"
}
