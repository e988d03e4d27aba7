# virt.sh - hypervisors of a few lines, with a guest that fails, for tests/why/run and tests/cli/svm.sh. To be sourced after small.sh, in the
# work folder. Each function makes NAME.reel.

# hypervisor NAME: as flat(), with SVM on. Standard input follows: the macros vmcb GUEST (its guest begins there, in 32-bit flat segments without
# paging; intercepts: VMRUN, shutdown, CPUID, HLT), and nested (the first 4 MiB but for the page at 0x200000).
hypervisor() { # NAME OPTION...
    {
        cat <<'S'
        .macro put at, value
        movl \value, 0x10000 + \at
        .endm
        .macro vmcb guest
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x1000, %eax
        wrmsr
        movl $0xc0010117, %ecx
        movl $0x11000, %eax
        xorl %edx, %edx
        wrmsr
        put 0x0c, $0x81040000
        put 0x10, $1
        put 0x40, $0x12000
        put 0x48, $0x15000
        put 0x58, $1
        .irp segment, 0x400, 0x420, 0x430
        put \segment, $0x0c930010
        put \segment + 4, $0xffffffff
        .endr
        put 0x410, $0x0c9b0008
        put 0x414, $0xffffffff
        put 0x4d0, $0x1000
        put 0x558, $0x11
        put 0x560, $0x400
        put 0x568, $0xffff0ff0
        put 0x570, $2
        put 0x578, \guest
        put 0x5d8, $0x80000
        .endm
        .macro nested
        pages
        movl $0x301000, %edi
        movl $1024, %ecx
6:      orl $7, (%edi)
        addl $4, %edi
        loop 6b
        orl $7, 0x300000
        movl $0, 0x301000 + 4 * 0x200
        put 0x90, $1
        put 0xb0, $0x300000
        .endm
S
        cat
    } | flat "$1" --cpu x86-64-v2,+svm --until 400000 "${@:2}"
}

virt_refused() { # no ASID
    hypervisor refused <<'S'
        vmcb $guest
        put 0x58, $0
        movl $0x10000, %eax
        vmrun
        cmpl $-1, 0x10070
        je 1f
        movb $0, 0x500
1:      hlt
guest:  hlt
S
}

virt_refused_again() { # a reserved bit in CR4; VMRUN is tried again
    hypervisor refused_again <<'S'
        vmcb $guest
        put 0x548, $0x80000000
1:      movl $0x10000, %eax
        vmrun
        jmp 1b
guest:  hlt
S
}

virt_triple() { # the guest has no IDT
    hypervisor triple <<'S'
        vmcb $guest
1:      movl $0x10000, %eax
        vmrun
        cmpl $0x7f, 0x10070
        jne 1b
2:      pause
        jmp 2b
guest:  movl $5, %ebx
        ud2
S
}

virt_open() { # the same, and the hypervisor does not intercept shutdown
    hypervisor open <<'S'
        vmcb $guest
        put 0x0c, $0x01040000
1:      movl $0x10000, %eax
        vmrun
        jmp 1b
guest:  movl $5, %ebx
        ud2
S
}

virt_exit_loop() { # a page that the hypervisor never maps
    hypervisor exit_loop <<'S'
        vmcb $guest
        nested
1:      movl $0x10000, %eax
        vmrun
        cmpl $0x400, 0x10070
        je 1b
        hlt
guest:  movl $0x200123, %edi
        movl $7, (%edi)
        hlt
S
}

virt_exit_fetch() { # a page of code that the hypervisor never maps
    hypervisor exit_fetch <<'S'
        vmcb $0x200000
        nested
1:      movl $0x10000, %eax
        vmrun
        jmp 1b
S
}

virt_cpuid() { # an instruction that the hypervisor executes, and does not go beyond
    hypervisor cpuid <<'S'
        vmcb $guest
1:      movl $0x10000, %eax
        vmrun
        movl $0, 0x105f8
        jmp 1b
guest:  xorl %eax, %eax
        cpuid
        hlt
S
}

virt_polls() { # the guest polls a page that the hypervisor emulates: it gets on
    hypervisor polls <<'S'
        vmcb $guest
        nested
1:      movl $0x10000, %eax
        vmrun
        addl $2, 0x10578
        jmp 1b
guest:  movl $0x200123, %edi
2:      movl (%edi), %ecx
        jmp 2b
S
}

virt_spins() { # the page is mapped at the second time, and the guest spins at the instruction that was left for it
    hypervisor spins <<'S'
        vmcb $guest
        nested
1:      movl $0x10000, %eax
        vmrun
        incl %ebx
        cmpl $3, %ebx
        jne 1b
        movl $0x200007, 0x301000 + 4 * 0x200
        jmp 1b
guest:  movl $0x200000, %edi
        xorl %eax, %eax
2:      cmpl %eax, (%edi)
        je 2b
S
}

virt_goes_on() { # the guest is refused, then mended, and runs to its end
    hypervisor goes_on <<'S'
        vmcb $guest
        put 0x58, $0
        movl $0x10000, %eax
        vmrun
        put 0x58, $1
        movl $0x10000, %eax
        vmrun
        cli
3:      hlt
        jmp 3b
guest:  hlt
S
}
