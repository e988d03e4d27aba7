/* stream.S - a flat guest for a trace in which pages refer to a stream: the image has a text, packed and as it is, and the guest
 * adds to numbers in the text, as a relocation does.
 */
    .intel_syntax noprefix
    .code32
    .globl _start
_start:
    mov esi, offset text
    mov ecx, offset end
next:
    add dword ptr [esi], 0x01000000
    add esi, 13
    cmp esi, ecx
    jb next
    cli
    hlt
    .balign 4096
packed:
    .incbin "text.packed"
    .balign 4096
text:
    .incbin "text"
end:
