/* pause.S - a flat guest with two processors that wait for one another in loops with PAUSE: so how many steps it makes depends on what a PAUSE
 * does to a turn. It also asks for how many cores the package has.
 */
    .intel_syntax noprefix
    .set apic, 0xfee00000
    .set entry, 0x8000              /* of the second processor: SIPI vector 8 */
    .set word, 0x9000
    .globl _start
    .code32
_start:
    mov eax, 1
    cpuid
    mov [word + 4], ebx
    lea esi, second
    mov edi, entry
    mov ecx, offset second_end - second
    rep movsb
    mov dword ptr [apic + 0xf0], 0x1ff
    mov dword ptr [apic + 0x300], 0xc4500   /* INIT, to all but this one */
    mov ecx, 1000
1:  loop 1b
    mov dword ptr [apic + 0x300], 0xc4608   /* SIPI */
    mov ebx, 100
2:  mov ecx, 1000                   /* the other one's turn to wait */
3:  loop 3b
    inc dword ptr [word]
4:  pause
    test dword ptr [word], 1
    jnz 4b
    dec ebx
    jnz 2b
    mov al, 0x20                    /* isa-debug-exit */
    out 0xf4, al
    hlt

    .code16
second:
    xor ax, ax
    mov ds, ax
5:  pause
    test word ptr [word], 1
    jz 5b
    mov cx, 3000
6:  loop 6b
    inc word ptr [word]
    jmp 5b
second_end:
