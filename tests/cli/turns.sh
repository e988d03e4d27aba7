#!/bin/bash
# turns.sh - two processors that wait for one another: their short turns take long to run again, so checkpoints are closer together than
# where one of them waits in vain. Two recordings are the same bytes, compiled and interpreted, and verify.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

# The second processor starts at 8000h, in real mode. Each waits until the byte at 9000h is its number, and if it PASSES it, it works for
# some 200 steps, and gives the byte to the other.
guest() { # NAME PASSES
    flat_guest "$1.bin" 0x100000 - --defsym PASSES="$2" <<'END'
    .macro wait number, other
1:  .rept 20                        # or the first of its turn would mostly be a PAUSE
    cmpb $\number, 0x9000
    je 2f
    .endr
    pause
    jmp 1b
2:  .if PASSES
    movw $110, %cx
3:  decw %cx
    jnz 3b
    movb $\other, 0x9000
    .endif
    jmp 1b
    .endm
.globl _start
_start: movl $second, %esi
    movl $0x8000, %edi
    movl $end - second, %ecx
    rep movsb
    movl $0x000c4500, 0xfee00300    # INIT, and then SIPI for 8000h, to all others
    movl $0x000c4608, 0xfee00300
    wait 0, 1
    .code16
second: xorw %ax, %ax
    movw %ax, %ds
    wait 1, 0
end:
END
}
run() { # NAME RECORD-OPTION...
    "$BOOTREEL" record -q --flat "${1%%-*}.bin@0x100000" --memory 16M --cpus 2 --until 110M "${@:2}" -o "$1.reel" || fail "$1: record exits with $?"
    "$BOOTREEL" info "$1.reel" >"$1.info"
}

guest pass 1
guest vain 0
run pass
run pass-interpreted --no-compile
run vain
same pass.reel pass-interpreted.reel "compiled and interpreted"
holds pass.info '^checkpoints +4,' "at 0, 50 M, 100 M and the end"
holds vain.info '^checkpoints +3,' "at 0, 100 M and the end"
expect 0 verify "$BOOTREEL" replay --verify -q pass.reel

finish
