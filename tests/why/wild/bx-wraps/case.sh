# A loader reads a kernel of 80 KiB to 1000:0, a sector at a time, and adds 512 to BX only: after 64 KiB BX is 0 again, and the last sectors come
# over the first ones.
build() {
    sector disk.img 256K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movw $0x1000, %ax
        movw %ax, %es
        xorw %bx, %bx
        movw $160, %si
        movl $1, lba
1:      call read
        jc failed
        addw $512, %bx
        incl lba
        decw %si
        jnz 1b
        ljmp $0x1000, $0
failed: movw $0x0e45, %ax
        int $0x10
2:      hlt
        jmp 2b
        # one sector by the packet of function 42h
read:   pushw %si
        movw %bx, packet + 4
        movw %es, packet + 6
        movl lba, %eax
        movl %eax, packet + 8
        movw $packet, %si
        movb $0x80, %dl
        movb $0x42, %ah
        int $0x13
        popw %si
        ret
        .balign 4
packet: .byte 16, 0
        .word 1, 0, 0
lba:    .long 0, 0
S
    {
        printf '_start: jmp begin\n.fill 4093, 1, 0x90\nbegin: movw $text, %%si\nmovw %%cs, %%ax\nmovw %%ax, %%ds\n1: lodsb\ntestb %%al, %%al\njz 2f\nmovb $0x0e, %%ah\nint $0x10\njmp 1b\n2: hlt\njmp 2b\ntext: .asciz "kernel runs"\n'
    } | boot16 kern 0
    truncate -s 65536 kern
    for i in $(seq 4096); do printf '%04d' "$i"; done >>kern
    put disk.img 1 kern
}
BR=(--disk disk.img --until 200M)
QE=(-drive file=disk.img,format=raw)
