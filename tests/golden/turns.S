/* turns.S - a flat guest with two processors, which count in one word without a lock, and sometimes lose what the other has counted: so the
 * word depends on where their turns end.
 */
    .intel_syntax noprefix
    .set apic, 0xfee00000
    .set entry, 0x8000              /* of the second processor: SIPI vector 8 */
    .set word, 0x9000
    .globl _start
    .code32
_start:
    lea esi, second
    mov edi, entry
    mov ecx, offset second_end - second
    rep movsb
    mov dword ptr [apic + 0xf0], 0x1ff
    mov dword ptr [apic + 0x300], 0xc4500   /* INIT, to all but this one */
    mov ecx, 1000
1:  loop 1b
    mov dword ptr [apic + 0x300], 0xc4608   /* SIPI */
    mov ecx, 100000
2:  mov eax, [word]
    inc eax
    mov [word], eax
    loop 2b
    mov al, 0x20                    /* isa-debug-exit */
    out 0xf4, al
    hlt

    .code16
second:
    xor ax, ax
    mov ds, ax
3:  mov eax, [word]
    inc eax
    mov [word], eax
    inc edx
    jmp 3b
second_end:
