/* frames.S - a flat guest with an 82540EM: it sends a frame, takes what comes, without an interrupt, until a frame with an x at byte 14,
 * and leaves.
 */
    .intel_syntax noprefix
    .code32
    .globl _start
    .set registers, 0xfe000000
    .set ring, 0x8000               /* 64 descriptors of received frames, then one of a sent one */
    .set sent, ring + 64 * 16
    .set buffers, 0x10000
_start:
    mov esp, 0x7000
    mov esi, 0x80000000             /* the card, on bus 0 */
1:  mov eax, esi
    call config
    in eax, dx
    cmp eax, 0x100e8086
    je 2f
    add esi, 0x800
    jmp 1b
2:  lea eax, [esi + 0x10]           /* its registers */
    call config
    mov eax, registers
    out dx, eax
    lea eax, [esi + 4]              /* memory and bus mastering */
    call config
    mov eax, 6
    out dx, eax

    mov edi, ring
    mov ebx, buffers
    mov ecx, 64
3:  mov [edi], ebx
    add edi, 16
    add ebx, 2048
    loop 3b
    mov ebp, registers
    mov dword ptr [ebp + 0x2800], ring
    mov dword ptr [ebp + 0x2808], 64 * 16
    mov dword ptr [ebp + 0x2818], 63
    mov dword ptr [ebp + 0x100], 0x0400801a /* receive all, without the check sequence */

    mov dword ptr [sent], offset hello
    mov dword ptr [sent + 8], 0x0b000000 + 60
    mov dword ptr [ebp + 0x3800], sent
    mov dword ptr [ebp + 0x3808], 8 * 16
    mov dword ptr [ebp + 0x400], 0x0a       /* transmit */
    mov dword ptr [ebp + 0x3818], 1

    xor ebx, ebx                    /* the next descriptor */
4:  mov edi, ebx
    shl edi, 4
    test byte ptr [ring + edi + 12], 1
    jz 4b
    mov byte ptr [ring + edi + 12], 0
    mov dword ptr [ebp + 0x2818], ebx
    mov eax, [ring + edi]
    inc ebx
    and ebx, 63
    cmp byte ptr [eax + 14], 'x'
    jne 4b
    mov al, 0x20                    /* isa-debug-exit */
    out 0xf4, al
    hlt

/* Makes the register of eax that at the data port, whose number is then in dx. */
config:
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfc
    ret

hello:
    .fill 6, 1, 0xff
    .byte 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x88, 0xb5
    .ascii "ready for what comes"
    .fill 40, 1, 0
