#!/bin/bash
# prompt.sh - console:TEXT where the text is a prompt on the screen, whose line has not ended: as the end of a recording, and as a position;
# and what is said of processes in such a boot.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1

cat >disk.S <<'S'
        .code16
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $3, %ax
        int $0x10
        movw $msg, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0xe, %ah
        movw $7, %bx
        int $0x10
        jmp 1b
2:      xorb %ah, %ah
        int $0x16
        jmp 2b
msg:    .asciz "first line\r\nboot: "
        .org 510
        .word 0xaa55
S
as --32 -o disk.o disk.S && ld -m elf_i386 --oformat binary -Ttext 0x7c00 -e 0x7c00 -o disk.img disk.o || { echo "the guest cannot be built"; exit 2; }

for j in 1 0; do
    expect 0 until env BOOTREEL_COMPILE=$j "$BOOTREEL" record -q --disk disk.img --until 'console:boot: ' -o "$j.reel"
done
same 1.reel 0.reel "compiled and interpreted code end at the same prompt"
"$BOOTREEL" info 1.reel >info
holds info '^ended +reached at icount ' "the prompt ends the recording"
expect 0 verify "$BOOTREEL" replay --verify --console=none 1.reel

expect 0 whole "$BOOTREEL" record -q --disk disk.img -o whole.reel
expect 0 screen "$BOOTREEL" screen whole.reel --at 'console:boot:'
holds screen.out '^boot:' "a position"
expect 2 never "$BOOTREEL" screen whole.reel --at 'console:no such prompt'
holds never.err 'no console line of the trace has that text' "a text that never came"

# A boot without processes: an empty answer says so.
expect 0 files "$BOOTREEL" files whole.reel
holds files.err '^bootreel: no process opened a file' "files"
expect 0 processes "$BOOTREEL" processes whole.reel
holds processes.err '^bootreel: no processes up to there' "processes"
finish
