/* small_boots.h - guests of a few instructions, written in assembler in the test, for tests of what is said about them. After command.h.
 *
 * Each is loaded at BOOT_AT and entered in 32-bit protected mode, without firmware. Its own labels are local numbers up to 79; the address of
 * label 1 is A(1f). Macros make what most of them need:
 *   BOOT_GDT            a GDT with code (8) and data (10h) in flat segments, loaded; a stack that ends at 8000h
 *   BOOT_IDT(1f, 2f)    an IDT of 48 gates at 9000h, of which all lead to 1f but that of vector 13, which leads to 2f
 *   BOOT_PAGING         page tables at 10000h that map the first 4 MB to themselves, paging on
 */
#ifndef BOOTREEL_TESTS_UNIT_SMALL_BOOTS_H
#define BOOTREEL_TESTS_UNIT_SMALL_BOOTS_H

#include "tests/unit/command.h"

#define BOOT_AT "0x100000"
/* The address of a label, as an operand. */
#define A(label) "(" #label "-0b+" BOOT_AT ")"

#define BOOT(name, text)                                                                                     \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".globl boot_" #name ", boot_" #name "_end\n"                                                    \
            ".code32\n"                                                                                      \
            "boot_" #name ":\n"                                                                              \
            "0:\n" text "\n"                                                                                 \
            "boot_" #name "_end:\n"                                                                          \
            ".code64\n"                                                                                      \
            ".popsection\n");                                                                                \
    extern const uint8_t boot_##name[], boot_##name##_end[];

#define BOOT_GDT                                                                                             \
    "jmp 81f\n"                                                                                              \
    ".balign 8\n"                                                                                            \
    "80: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"                                                  \
    "82: .word 23\n .long " A(                                                                               \
        80b) "\n"                                                                                            \
             "83: .word 48*8-1\n .long 0x9000\n"                                                             \
             "81: lgdt " A(                                                                                  \
                 82b) "\n"                                                                                   \
                      "ljmp $8,$" A(                                                                         \
                          84f) "\n"                                                                          \
                               "84: mov $16,%eax\n mov %eax,%ds\n mov %eax,%es\n mov %eax,%ss\n mov $0x8000,%esp\n"

#define BOOT_IDT(handler, protection)                                                                               \
    "mov $0x9000,%edi\n mov $48,%ecx\n"                                                                             \
    "85: mov $" A(                                                                                                  \
        handler) ",%eax\n"                                                                                          \
                 "cmp $48-13,%ecx\n jne 86f\n mov $" A(                                                             \
                     protection) ",%eax\n"                                                                          \
                                 "86: mov %ax,(%edi)\n movl $0x8e000008,2(%edi)\n shr $16,%eax\n mov %ax,6(%edi)\n" \
                                 "add $8,%edi\n loop 85b\n lidt " A(83b) "\n"

#define BOOT_PAGING                                                                                          \
    "mov $0x11000,%edi\n mov $3,%eax\n mov $1024,%ecx\n"                                                     \
    "87: mov %eax,(%edi)\n add $4,%edi\n add $0x1000,%eax\n loop 87b\n"                                      \
    "movl $0x11003,0x10000\n mov $0x10000,%eax\n mov %eax,%cr3\n"                                            \
    "mov %cr0,%eax\n or $0x80000000,%eax\n mov %eax,%cr0\n"

/* Records it, for at most so many steps without an end of its own, into boot.reel. */
static inline void boot_record(const char *name, const uint8_t *code, const uint8_t *end, const char *options)
{
    command_write("boot.bin", code, (size_t)(end - code));
    struct said s = bootreel("record -q -o boot.reel --memory 4M --vga none --flat boot.bin@" BOOT_AT
                             " --until 5M --until 5s %s",
                             options);
    if (s.status > EXIT_NO)
        fail_msg("%s: %s", name, s.err);
    said_free(&s);
}

/* A boot, the code of the verdict, and what the verdict holds besides. */
struct boot_row {
    const char *states, *options;
    const uint8_t *code, *end;
    const char *verdict, *says;
};
#define BOOTS(states, name, verdict, says)                                                                   \
    {                                                                                                        \
        states, "", boot_##name, boot_##name##_end, verdict, says                                            \
    }

static inline bool boot_why(const struct boot_row *r)
{
    char code[80];
    boot_record(r->states, r->code, r->end, r->options);
    struct said s = bootreel("why boot.reel --format json");
    snprintf(code, sizeof code, "\"code\": \"%s\"", r->verdict);
    const bool good = strstr(s.out, code) && strstr(s.out, r->says);
    if (!good) {
        struct said words = bootreel("why boot.reel");
        fprintf(stderr, "%s: not %s, \"%s\":\n%s%s\n", r->states, r->verdict, r->says, words.out, words.err);
        said_free(&words);
    }
    said_free(&s);
    return good;
}

static inline void boot_rows(const struct boot_row *row, size_t n)
{
    size_t failed = 0;
    for (size_t i = 0; i < n; i++)
        failed += !boot_why(&row[i]);
    if (failed)
        fail_msg("%zu of %zu verdicts are others", failed, n);
}
#define WHY_SAYS(...)                                                                                        \
    do {                                                                                                     \
        const struct boot_row rows[] = {__VA_ARGS__};                                                        \
        boot_rows(rows, sizeof rows / sizeof rows[0]);                                                       \
    } while (0)

#endif
