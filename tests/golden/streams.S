/* streams.S - a flat guest for a trace in which a page refers to two streams: the image has two texts, packed one behind the other. The
 * second is there once more, with each byte complemented, behind zeros. The guest undoes that: so memory is as the space of streams.
 */
    .intel_syntax noprefix
    .code32
    .globl _start
_start:
    mov esi, offset text
next:
    not byte ptr [esi]
    inc esi
    cmp esi, offset end
    jb next
    cli
    hlt
    .balign 4096
packed:
    .incbin "first.packed"
    .incbin "second.packed"
    .balign 4096
    .skip 500
text:
    .incbin "second.not"
end:
