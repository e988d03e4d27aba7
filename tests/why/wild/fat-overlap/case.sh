# A FAT loader keeps the FAT's current sector at 2000:0. The file that it loads to 1000:0 has 70 KiB, and so reaches there; before the last
# cluster the FAT is read once more, over the file's second part, which then runs.
build() {
    sector disk.img 512K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movw $70, %cx
        movw $0x1000, packet + 6
        movl $8, packet + 8
1:      pushw %cx
        movw $2, packet + 2
        call read
        addw $0x40, packet + 6
        addl $2, packet + 8
        # the next cluster: look into the FAT, which is read again for every fourth
        popw %cx
        testb $3, %cl
        jnz 2f
        pushl packet + 8
        pushw packet + 6
        movw $1, packet + 2
        movw $0x2000, packet + 6
        movl $1, packet + 8
        call read
        popw packet + 6
        popl packet + 8
2:      loop 1b
        ljmp $0x1000, $0
read:   movw $packet, %si
        movb $0x80, %dl
        movb $0x42, %ah
        int $0x13
        jc 3f
        ret
3:      hlt
        jmp 3b
        .balign 4
packet: .byte 16, 0
        .word 0, 0, 0
        .long 0, 0
S
    # the FAT: clusters in a row
    for i in $(seq 3 258); do printf "\\x$(printf %02x $((i & 255)))\\x$(printf %02x $((i >> 8)))"; done >fat
    put disk.img 1 fat
    printf '_start: movw $0x0e41, %%ax\nint $0x10\nljmp $0x2000, $0\n' | boot16 first 0
    truncate -s 65536 first
    printf '_start: movw $0x0e42, %%ax\nint $0x10\n1: hlt\njmp 1b\n' | boot16 second 0
    put disk.img 8 first
    put disk.img $((8 + 128)) second
}
BR=(--disk disk.img --until 200M)
QE=(-drive file=disk.img,format=raw)
