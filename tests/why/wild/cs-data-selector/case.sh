# The far jump into protected mode takes the data selector: its descriptor is no code segment.
build() {
    sector disk.img <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdt gdtr
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x10, $start32
        .code32
start32: movw $0x08, %ax
        movw %ax, %ds
1:      hlt
        jmp 1b
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
