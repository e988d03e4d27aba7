# boot.S - the boot sector: the first 512 bytes of the disk. The firmware reads them to 7C00h and jumps there, in real mode,
# with the drive's number in DL. It reads the loader, which is in the sectors that follow, and jumps to it.

#include "guests/demo/layout.h"

        .code16
        .text
        .globl  boot
boot:
        ljmp    $0, $1f                 # some firmware comes here as 07C0:0000
1:      cli
        xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $BOOT_SECTOR, %sp
        sti
        cld
        mov     %dl, drive
        mov     $greeting, %si
        call    print

        # Are there extensions, with addresses by sector number?
        mov     $0x41, %ah
        mov     $0x55aa, %bx
        int     $0x13
        jc      by_cylinder
        cmp     $0xaa55, %bx
        jne     by_cylinder
        test    $1, %cl
        jz      by_cylinder
        mov     $packet, %si
        mov     $0x42, %ah
        mov     drive, %dl
        int     $0x13
        jnc     loaded

by_cylinder:                            # the sectors after this one, still of the first track
        mov     $(0x0200 | LOADER_SECTORS), %ax
        mov     $LOADER, %bx
        mov     $(1 + LOADER_LBA), %cx
        mov     $0, %dh
        mov     drive, %dl
        int     $0x13
        mov     $unreadable, %si
        jc      fail

loaded: mov     $no_loader, %si
        cmpl    $LOADER_MAGIC, LOADER
        jne     fail
        mov     drive, %dl
        jmp     LOADER + 4

fail:   call    print
1:      hlt
        jmp     1b

# Prints the text at SI, which ends with a NUL, on the screen.
print:  lodsb
        test    %al, %al
        jz      1f
        mov     $0x0e, %ah
        mov     $7, %bx
        int     $0x10
        jmp     print
1:      ret

greeting:
        .asciz  "demo: boot sector\r\n"
unreadable:
        .asciz  "demo: the loader cannot be read\r\n"
no_loader:
        .asciz  "demo: no loader on this disk\r\n"
drive:  .byte   0

        .balign 4
packet: .byte   16, 0                   # its size
        .word   LOADER_SECTORS
        .word   LOADER, 0               # to 0000:8000
        .quad   LOADER_LBA

        # One partition, bootable, of a type that no system claims. pack.c fills in its length.
        .org    446
        .byte   0x80, 0, 2, 0
        .byte   0x7f, 0, 0, 0
        .long   LOADER_LBA, 0
        .org    510
        .word   0xaa55
