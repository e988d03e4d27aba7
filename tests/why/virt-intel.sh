# virt-intel.sh - hypervisors of a few lines under Intel's VMX, with a guest that fails, for tests/cli/vmx.sh; as virt.sh has them for AMD's. To be
# sourced after small.sh, in the work folder. Each function makes NAME.reel.

# intel_hypervisor NAME: as flat(), in VMX operation. Standard input follows: the macros w FIELD, VALUE (VMWRITE), and vmcs GUEST, BACK (its guest
# begins at GUEST, with the hypervisor's segments and page tables; the hypervisor goes on at BACK after an exit).
intel_hypervisor() { # NAME OPTION...
    {
        cat <<'S'
        .macro w field, value
        movl $\field, %eax
        movl \value, %ecx
        vmwrite %ecx, %eax
        .endm
        .macro vmcs guest, back
        pages
        movl %cr4, %eax
        orl $0x2000, %eax
        movl %eax, %cr4
        movl %cr0, %eax
        orl $0x20, %eax
        movl %eax, %cr0
        movl $1, 0x10000
        movl $1, 0x11000
        movl $0x10000, 0x12000
        movl $0, 0x12004
        vmxon 0x12000
        movl $0x11000, 0x12000
        vmclear 0x12000
        vmptrld 0x12000
        sgdt 0x12010
        w 0x4000, $0x16
        w 0x4002, $0x04006172
        w 0x400c, $0x36dfb
        w 0x4012, $0x11fb
        w 0x2800, $-1
        w 0x2801, $-1
        .irp at, 0, 2, 4, 6, 8, 10
        w 0x800 + \at, $0x10
        w 0xc00 + \at, $0x10
        w 0x4800 + \at, $-1
        w 0x4814 + \at, $0xc093
        .endr
        w 0x802, $0x08
        w 0xc02, $0x08
        w 0x4816, $0xc09b
        w 0x4820, $0x10000
        w 0x80e, $0x18
        w 0xc0c, $0x18
        w 0x480e, $0x67
        w 0x4822, $0x8b
        movl %cr0, %edx
        w 0x6800, %edx
        w 0x6c00, %edx
        movl %cr3, %edx
        w 0x6802, %edx
        w 0x6c02, %edx
        movl %cr4, %edx
        w 0x6804, %edx
        w 0x6c04, %edx
        w 0x6820, $2
        w 0x681c, $0x80000
        w 0x681e, \guest
        w 0x6816, 0x12012
        w 0x6c0c, 0x12012
        w 0x4810, $0x1f
        w 0x6c14, $0x90000
        w 0x6c16, \back
        .endm
S
        cat
    } | flat "$1" --cpu intel-v2,+vmx --until 400000 "${@:2}"
}

intel_refused() { # a bit of RFLAGS that is always 1
    intel_hypervisor refused <<'S'
        vmcs $guest, $back
        w 0x6820, $0
        vmlaunch
back:   hlt
guest:  hlt
S
}

intel_triple() { # the guest has no IDT
    intel_hypervisor triple <<'S'
        vmcs $guest, $back
        vmlaunch
back:   pause
        jmp back
guest:  movl $5, %ebx
        ud2
S
}

intel_cpuid() { # an instruction that the hypervisor executes, and does not go beyond
    intel_hypervisor cpuid <<'S'
        vmcs $guest, $back
        vmlaunch
back:   movl $0, %eax
        vmresume
        hlt
guest:  xorl %eax, %eax
        cpuid
        hlt
S
}
