#!/bin/bash
# checkpoints.sh - where checkpoints are: every 100 M steps, closer where pages are written and much code is executed, where devices are asked
# and where processors wait for one another, and up to 400 M steps apart where very many pages are written all the time; compiled and
# interpreted. But exactly as often as --checkpoint-every says, and every 100 M without the index.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

guest() { # NAME PAGES <<CODE: a program that writes to so many pages, and goes on with that code
    cat write.s - >"$1.s"
    as --32 --defsym "PAGES=$2" -o "$1.o" "$1.s" &&
        ld -m elf_i386 --no-warn-rwx-segments -Ttext 0x100000 -e _start --oformat binary -o "$1.bin" "$1.o" || fail "no guest"
}
cat >write.s <<'END'
.globl _start
_start: movl $0x400000, %edi
1:  movl %edi, (%edi)
    addl $4096, %edi
    cmpl $0x400000 + PAGES * 4096, %edi
    jb 1b
END

# 3,000 pages written and 2,500 lines of code executed; then 6,000 lines from step 150 M on.
guest guest 3000 <<'END'
    .rept 2500
    jmp 3f
    .balign 64
3:
    .endr
    movl $74992750, %ecx
2:  decl %ecx
    jnz 2b
    .rept 6000
    jmp 3f
    .balign 64
3:
    .endr
4:  jmp 4b
END

# 6,000 pages written, which take longer to be saved than to be written again.
guest once 6000 <<<'2: jmp 2b'
# The same all the time.
guest pages 6000 <<<'jmp _start'
# The same with 6,000 lines of code executed, which take long to run again.
guest both 6000 <<'END'
    .rept 6000
    jmp 3f
    .balign 64
3:
    .endr
    jmp _start
END

# A device is asked all the time.
flat_guest asks.bin 0x100000 - <<'END'
.globl _start
_start: inb $0x61
    jmp _start
END

# Two processors: each waits until the byte at 9000h is its number, and if it passes that byte, it works for some 200 steps and gives it the
# other's number. The second one starts at 8000h in real mode.
two() { # NAME PASSES
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
two pass 1
two vain 0

rec() { # NAME CHECKPOINTS [ARGUMENT...]
    expect 0,1 "$1" "$BOOTREEL" record -q --memory 64M --flat "${guest:-guest.bin}@0x100000" --until "${to:-220}M" -o "$1.reel" "${@:3}"
    "$BOOTREEL" info "$1.reel" >"$1.info"
    holds "$1.info" "^checkpoints  $2, at icount 0 to ${to:-220},000,000$" "$1"
}
rec closer 6 # at 0, 25 M, 100 M, 175 M, 200 M, 220 M
rec exact 4 --checkpoint-every 100M
rec no-index 4 --no-index
BOOTREEL_COMPILE=0 rec interpreted 6
guest=once.bin rec once 4
to=520 guest=pages.bin rec pages 4 # at 0, 100 M, 400 M, 520 M
guest=pages.bin rec pages-exact 4 --checkpoint-every 100M
guest=both.bin rec both 10 # at 0, 25 M, 50 M ... 200 M, 220 M
to=60 guest=asks.bin rec asks 4            # at 0, 25 M, 50 M, 60 M
to=110 guest=pass.bin rec pass 4 --cpus 2  # at 0, 50 M, 100 M, 110 M
to=110 guest=vain.bin rec vain 3 --cpus 2
to=110 guest=pass.bin BOOTREEL_COMPILE=0 rec pass-interpreted 4 --cpus 2
same closer.reel interpreted.reel "interpreted"
same pass.reel pass-interpreted.reel "two processors, interpreted"
expect 0 verify "$BOOTREEL" replay --verify closer.reel
expect 0 verify "$BOOTREEL" replay --verify pass.reel

finish
