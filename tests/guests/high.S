# high.S - a 32-bit kernel that nobody knows: runs from C0100000h on, and loads an IDT there a few times. Loaded flat at 100000h
# (tests/boot/story.sh). With MULTIBOOT it has that header and, as GNU Mach with its drivers, Linux's banner.
        .code32
        .org 0
_start: mov $0x83, %eax          # 4 MiB pages: 0 at 0 and at C0000000h
        mov %eax, 0x80000
        mov %eax, 0x80c00
        mov $0x80000, %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x10, %eax
        mov %eax, %cr4
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        mov $0xc0100000 + high - _start, %eax
        jmp *%eax
high:   mov $8, %ecx
1:      mov %ecx, 0x70002
        lidt 0x70000
        loop 1b
        cli
        hlt
#ifdef MULTIBOOT
        .balign 4
        .long 0x1badb002, 3, -(0x1badb002 + 3)
        .asciz "Linux version 2.0.36 (root@host) (gcc version 12) #1\n"
#endif
