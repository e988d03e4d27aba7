# Page faults are handled by a task of its own (a task gate), and the page of the GDT is mapped read-only with CR0.WP: the task switch cannot
# set the busy bit in the TSS descriptor.
build() {
    kernel32 k.elf <<'S'
main:   movl $tss0, %eax
        movl $0x18, %edi
        call descriptor
        movl $tss1, %eax
        movl $0x20, %edi
        call descriptor
        movw $0x18, %ax
        ltr %ax
        movl $fault, tss1 + 0x20
        movl $0x2, tss1 + 0x24
        movl $0x300000, tss1 + 0x1c
        movl $0x88000, tss1 + 0x38
        movl $0x10, tss1 + 0x48
        movl $0x08, tss1 + 0x4c
        movl $0x10, tss1 + 0x50
        movl $0x10, tss1 + 0x54
        movw $0x20, idt + 8 * 14 + 2
        movb $0x85, idt + 8 * 14 + 5
        lidt idtr
        lgdt protected_gdtr
        # pages of 4 KiB from 0 to 4 MiB; that of the GDT can be read only
        movl $0x300000, %edi
        movl $0x301003, (%edi)
        movl $3, %eax
        xorl %ecx, %ecx
1:      movl %eax, 0x301000(,%ecx,4)
        addl $0x1000, %eax
        incl %ecx
        cmpl $1024, %ecx
        jb 1b
        movl $locked, %eax
        shrl $12, %eax
        andl $~2, 0x301000(,%eax,4)
        movl $0x300000, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80010000, %eax
        movl %eax, %cr0
        say "stack guard: on\n"
        movl $0x800000, %esp
        pushl %eax
        say "not reached\n"
fault:  say "page fault task\n"
        power_off
2:      hlt
        jmp 2b
        # a TSS (EAX) at the selector EDI
descriptor: addl $locked, %edi
        movw $103, (%edi)
        movw %ax, 2(%edi)
        shrl $16, %eax
        movb %al, 4(%edi)
        movb $0x89, 5(%edi)
        movb $0, 6(%edi)
        movb %ah, 7(%edi)
        lgdt protected_gdtr
        ret
        .data
        .balign 8
tss0:   .fill 104, 1, 0
tss1:   .fill 104, 1, 0
protected_gdtr: .word 39
        .long locked
        .balign 4096
        # accessed already
locked: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0, 0
        .balign 4096
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
