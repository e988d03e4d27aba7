# hypercalls.sh - what tests/cli/domain.sh and tests/sanitize/hypercalls.sh share. Source it after lib.sh.

# The guest of random hypercalls (tests/guests/hvm/calls.c) with a seed, which is the four bytes after the word "seed".
hvm_calls() { # SEED FILE
    cp "$top/build/release/tests/guests/hvm/calls.elf" "$2"
    local at
    at=$(grep -abo seed "$2" | head -n 1 | cut -d : -f 1)
    printf "\\x$(printf %02x $(($1 & 255)))\\x5a" | dd of="$2" bs=1 seek=$((at + 4)) conv=notrunc status=none
}
