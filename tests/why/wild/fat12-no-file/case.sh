# A boot sector of the Brokenthorn kind looks for KRNLDR.SYS in the root directory of a FAT12 floppy. The file is there, as a long name
# with another short one (KRNLDR~1.SYS is not it: the file was copied as krnldr.sys.bin).
build() {
    sector boot <<'S'
_start: jmp 1f
        nop
        .ascii "TestOS  "
        .word 512
        .byte 1
        .word 1
        .byte 2
        .word 224, 2880
        .byte 0xf0
        .word 9, 18, 2
        .long 0, 0
        .byte 0, 0, 0x29
        .long 0x12345678
        .ascii "TestOS     FAT12   "
1:      cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movb %dl, drive
        movw $loading, %si
        call print
        # the root directory: sectors 19 to 32 are cylinder 0, head 1, sector 2 on
        movw $0x020e, %ax
        movw $0x0002, %cx
        movb $1, %dh
        movb drive, %dl
        movw $0x1000, %bx
        int $0x13
        jc failed
        movw $224, %cx
        movw $0x1000, %di
2:      pushw %cx
        pushw %di
        movw $name, %si
        movw $11, %cx
        repe cmpsb
        popw %di
        popw %cx
        je found
        addw $32, %di
        loop 2b
failed: movw $missing, %si
        call print
        xorw %ax, %ax
        int $0x16
        int $0x19
found:  hlt
        jmp found
print:  lodsb
        testb %al, %al
        jz 3f
        movb $0x0e, %ah
        int $0x10
        jmp print
3:      ret
loading: .asciz "Loading Boot Image \r\n"
missing: .asciz "\r\nOperating System not found\r\nPress any key to reboot"
name:   .ascii "KRNLDR  SYS"
drive:  .byte 0
S
    truncate -s 1440K floppy.img
    mformat -i floppy.img -f 1440 -N 12345678 ::
    head -c 3000 /dev/zero >krnldr.sys.bin
    mcopy -i floppy.img krnldr.sys.bin ::
    dd if=boot of=floppy.img bs=512 count=1 conv=notrunc status=none
}
BR=(--bios seabios --floppy floppy.img --boot a --until 2s)
QE=(-drive file=floppy.img,format=raw,if=floppy -boot a)
