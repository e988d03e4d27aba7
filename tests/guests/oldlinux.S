# oldlinux.S - kernels of old versions of the Linux boot protocol, which tell what they find. Linked as a flat binary at 0.
#   --defsym VERSION=n  0x203: a bzImage that treats low memory as the decompressors until Linux 2.6.19 do
#                       0: from before there were versions; its real-mode part asks the BIOS, and enters what is at 10000h
        .set    SETUP, 1                # sectors
        .code16
        .globl  _start
_start: hlt                             # the boot sector is not executed
        .org    0x1f1
        .byte   SETUP
        .word   1
        .long   (end - code + 15) / 16
        .org    0x1fe
        .word   0xaa55
        .org    0x200
# The real-mode part: at 9020:0 with DS = 9000h.
setup:  jmp     real
        .if VERSION
        .ascii  "HdrS"
        .word   VERSION
        .org    0x211
        .byte   1                       # loaded high
        .org    0x214
        .long   0x100000
        .org    0x22c
        .long   0x37ffffff
        .endif
        .org    0x230
real:   cli
        int     $0x12                   # memory size, in KiB
        cmpw    $0x240, %ax
        jb      1f
        cmpw    $0xa33f, 0x20
        jne     1f
        lgdt    gdt_pointer             # DS is 9000h, where the file is loaded
        movl    $1, %eax
        movl    %eax, %cr0
        .byte   0x66, 0xea
        .long   0x10000
        .word   0x10
1:      hlt
        .balign 8
gdt:    .quad   0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        .word   . - gdt - 1
        .long   0x90000 + gdt

        .org    (SETUP + 1) * 512
        .code32
code:   movw    $0x18, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        .if VERSION
        # Up to the boot parameters all low memory is filled, as by what is unpacked there.
        movl    %esi, %ecx
        cmpl    $0x90000, %ecx
        jbe     1f
        movl    $0x90000, %ecx
1:      andl    $~0xfff, %ecx
        subl    $0x2000, %ecx
        movl    $0x2000, %edi
        movb    $0xa5, %al
        rep stosb
        movl    $0x200000, %esp
        call    1f                      # segments from a table that must still be there
1:      popl    %ebx
        pushl   $0x10
        leal    2f - 1b(%ebx), %eax
        pushl   %eax
        lret
2:      movw    $0x18, %ax
        movw    %ax, %ss
        movw    %ax, %ds
        leal    told - 1b(%ebx), %eax
        movl    0x228(%esi), %edi       # the command line
        cmpl    $0x2, 0x1e8(%esi)       # entries of the memory map
        jb      3f
        .else
        movl    $0x8000, %esp
        movzwl  0x90022, %edi
        addl    $0x90000, %edi
        movl    $(0x10000 + told - code), %eax
        .endif
        pushl   %edi
        movl    %eax, %esi
        call    line
        popl    %esi
        call    line
        movb    $'\n', %al
        outb    %al, %dx
3:      movb    $0x10, %al              # isa-debug-exit
        outb    %al, $0xf4
        hlt

line:   lodsb
        testb   %al, %al
        jz      1f
        movw    $0x3f8, %dx
        outb    %al, %dx
        jmp     line
1:      ret

told:   .asciz  "the command line is "
        .balign 16
end:
