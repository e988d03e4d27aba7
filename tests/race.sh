# race.sh - the kernel with planted races (tests/guests/race), for tests of variation: source it after lib.sh.

# race_kernel FILE: builds it.
race_kernel() {
    local source=$top/tests/guests/race
    gcc -m32 -c "$source/entry.S" -o "$work/race-entry.o" &&
        gcc -m32 -O1 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -mgeneral-regs-only \
            -fno-omit-frame-pointer -c "$source/race.c" -o "$work/race.o" &&
        ld -m elf_i386 -n --no-warn-rwx-segments --defsym=BASE=0 -T "$top/tests/guests/hobby/kernel.ld" -o "$1" "$work/race-entry.o" "$work/race.o" ||
        { fail "the kernel with races is not built"; finish; }
}

# reset_kernel FILE: builds the kernel whose first boot may end with a triple fault.
reset_kernel() {
    gcc -m32 -c "$top/tests/guests/race/reset.S" -o "$work/reset.o" &&
        ld -m elf_i386 -n --no-warn-rwx-segments --defsym=BASE=0 -T "$top/tests/guests/hobby/kernel.ld" -o "$1" "$work/reset.o" ||
        { fail "the kernel that resets is not built"; finish; }
}
