# A kernel of the higher half drops the identity mapping, and then sets up SSE by a value at its low address.
build() {
    kernel64 k.elf <<'S'
        .set high, 0xffff800000000000
main:   movq $pdpt + 3, pml4 + 256 * 8
        movabsq $high, %rbx
        leaq 1f(%rip), %rax
        addq %rbx, %rax
        jmp *%rax
1:      addq %rbx, %rsp
        addq %rbx, gdtr + 2
        lgdt gdtr
        say "boot: higher half"
        call drop_identity
        call fpu_init
        say "boot: fpu ready"
        power_off
1:      hlt
        jmp 1b
drop_identity:
        leaq pml4(%rip), %rax
        movq $0, (%rax)
        movq %cr3, %rax
        movq %rax, %cr3
        ret
fpu_init:
        movq %cr4, %rax
        orq $0x600, %rax
        movq %rax, %cr4
        ldmxcsr mxcsr
        ret
        .data
mxcsr:  .long 0x1f80
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
