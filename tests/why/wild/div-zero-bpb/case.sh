# A boot sector of a FAT volume divides by the BPB's sectors per cluster, which is 0 on this damaged disk: #DE, whose handler (the firmware's) returns
# to the division.
build() {
    sector disk.img 1M <<'S'
_start: jmp 1f
        nop
        .ascii "MSDOS5.0"
        .word 512
cluster: .byte 0
        .word 1
        .byte 2
        .word 512, 2048
        .byte 0xf8
        .word 8, 63, 16
        .long 0, 0
1:      cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movw $0x0e2e, %ax
        int $0x10
        movw 0x7c13, %ax
        xorw %dx, %dx
        movzbw cluster, %bx
        divw %bx
        movw %ax, 0x600
        movw $0x0e4b, %ax
        int $0x10
2:      hlt
        jmp 2b
S
}
BR=(--disk disk.img --until 100M)
QE=(-drive file=disk.img,format=raw)
