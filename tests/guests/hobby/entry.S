/* entry.S - a small multiboot kernel in the manner of a first own one: headers of both versions, an entry in assembly, then C. With WIDE, the
 * assembly goes on to 64 bits; with EFI too, 64-bit UEFI enters it there; with UPPER it turns paging on and is linked for the upper half. */
    .set MAGIC, 0x1badb002
    .section .boot, "ax"
    .code32
    .globl _start
    .balign 8
header1:
    .long MAGIC, 3, -(MAGIC + 3)
    .balign 8
header2:
    .long 0xe85250d6, 0, header2_end - header2, -(0xe85250d6 + header2_end - header2)
#ifdef EFI
    .word 7, 0 # boot services stay
    .long 8
    .word 9, 0 # where UEFI's amd64 firmware enters
    .long 12, efi_entry
    .balign 8
#endif
    .word 0, 0
    .long 8
header2_end:

#ifdef UPPER
    .set BASE, 0xc0000000
#else
    .set BASE, 0
#endif
    .set _start, .Lbegin + BASE
.Lbegin:
    cli
    mov $stack_top - BASE, %esp
#ifdef UPPER
    movl $0x83, page_directory - BASE
    movl $0x83, page_directory - BASE + 4 * (BASE >> 22)
    mov $page_directory - BASE, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    mov $2f + BASE, %eax
    jmp *%eax
2:  mov $stack_top, %esp
#endif
#ifdef WIDE
    movl $pdpt + 3, pml4
    movl $pages + 3, pdpt
    movl $0x83, pages
    mov $pml4, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    lgdt gdtr
    ljmp $8, $wide
    .code64
#ifdef EFI
efi_entry:
    cli
    mov $stack_top, %esp
#endif
wide:
    xor %eax, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
#ifdef EFI
    mov $to_stack, %rax
    call *%rax
1:  hlt
    jmp 1b
/* Goes on in C, on another stack, from which it would not return to here. */
    .globl to_stack
    .type to_stack, @function
to_stack:
    mov $stack_top - 1024, %esp
    mov $stop, %rax
    push %rax
    mov $kmain, %rax
    jmp *%rax
    .size to_stack, . - to_stack
    .globl stop
    .type stop, @function
stop:
    hlt
    jmp stop
    .size stop, . - stop
#else
    mov $kmain, %rax
    call *%rax
#endif
#elif defined UPPER
    mov $kmain, %eax
    call *%eax
#else
    call kmain
#endif
1:  hlt
    jmp 1b

    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff
gdtr:
    .word 15
    .long gdt, 0

/* With `record --protocol pvh` the kernel is entered at the address in this note (Xen's public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY). */
    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long .Lbegin

    .section .bss, "aw", @nobits
    .balign 4096
page_directory:
pml4:
    .skip 4096
pdpt:
    .skip 4096
pages:
    .skip 4096
    .skip 4096
stack_top:

    .section .note.GNU-stack, "", @progbits
