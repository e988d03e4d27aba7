# HEALTHY: a boot sector's monitor at the serial port, by the BIOS's INT 14h: it waits for a command.
build() {
    sector disk.img <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movw $0x00e3, %ax
        xorw %dx, %dx
        int $0x14
1:      movw $prompt, %si
2:      lodsb
        testb %al, %al
        jz 3f
        movb $1, %ah
        xorw %dx, %dx
        int $0x14
        jmp 2b
3:      movb $3, %ah
        xorw %dx, %dx
        int $0x14
        testb $1, %ah
        jz 3b
        movb $2, %ah
        xorw %dx, %dx
        int $0x14
        movb $1, %ah
        xorw %dx, %dx
        int $0x14
        jmp 1b
prompt: .asciz "\r\nmonitor> "
S
}
BR=(--bios seabios --disk disk.img --until 3s)
QE=(-drive file=disk.img,format=raw)
