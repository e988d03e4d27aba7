/* firmware.c - runs firmware before a kernel is loaded directly: from the reset vector up to INT 19h, where
 * it would boot a disk. Then it is asked for its memory map, as a boot loader would ask.
 *
 * Sources: IBM PC/AT Technical Reference (INT 19h is at F000:E6F2 in every BIOS); ACPI 3.0, 14.1 (INT 15h
 * E820h), 5.2.5.1 (where the RSDP is searched). */
#include <string.h>

#include "hv/load/internal.h"

enum {
    BOOT_ENTRY = 0xfe6f2,
    ASK = 0x7c00, /* where a boot sector is loaded */
    ANSWER = 0x8000,
    ANSWER_MAX = MAP_MAX * sizeof(struct e820_entry),
    EBDA_POINTER = 0x40e,
};

/* Text mode 3 with an empty screen; then stores the memory map at 0:8000, one entry after another, up to
 * DI. */
/* clang-format off */
static const uint8_t ask[] = {
    0xb8, 0x03, 0x00,               /*    mov $3, %ax */
    0xcd, 0x10,                     /*    int $0x10 */
    0x66, 0x31, 0xdb,               /*    xor %ebx, %ebx */
    0xbf, 0x00, ANSWER >> 8,        /*    mov $ANSWER, %di */
    0x66, 0xb8, 0x20, 0xe8, 0, 0,   /* 1: mov $0xe820, %eax */
    0x66, 0xb9, 0x14, 0, 0, 0,      /*    mov $20, %ecx */
    0x66, 0xba, 'P', 'A', 'M', 'S', /*    mov $SMAP, %edx */
    0xcd, 0x15,                     /*    int $0x15 */
    0x72, 0x0e,                     /*    jc 2f */
    0x83, 0xc7, 0x14,               /*    add $20, %di */
    /* cmp $(ANSWER + ANSWER_MAX), %di */
    0x81, 0xff, (ANSWER + ANSWER_MAX) & 0xff, (ANSWER + ANSWER_MAX) >> 8,
    0x73, 0x05,                     /*    jae 2f */
    0x66, 0x85, 0xdb,               /*    test %ebx, %ebx */
    0x75, 0xdc,                     /*    jnz 1b */
    0xf4,                           /* 2: hlt */
};
/* clang-format on */

/* Sets up the registers as at the entry of a boot sector. */
static void enter_ask(struct board *b)
{
    static const char *const segments[] = {"ds", "es", "fs", "gs", "ss"};
    struct x86 *cpu = board_cpu(b, 0);
    physmem_write(board_mem(b), ASK, ask, sizeof ask);
    for (unsigned i = 0; i < 5; i++)
        x86_set_segment(cpu, segments[i], 0, 0, 0xffff, 0x93);
    x86_set_segment(cpu, "cs", 0, 0, 0xffff, 0x9b);
    x86_set(cpu, "rsp", ASK);
    x86_set(cpu, "rip", ASK);
    x86_set(cpu, "eflags", 0x202);
}

static int take_answer(struct loading *l, struct error *err)
{
    struct board *b = l->board;
    static const uint8_t zero[ANSWER_MAX];
    uint64_t end = x86_get(board_cpu(b, 0), "rdi") & 0xffff;
    l->nmap = (end - ANSWER) / sizeof l->map[0];
    if (end <= ANSWER || l->nmap >= MAP_MAX)
        return error_set(
            err,
            "%s: the firmware gives no memory map (INT 15h AX=E820h) for a kernel: choose another --bios",
            config_image(l->cfg, "bios")->name);
    physmem_read(board_mem(b), ANSWER, l->map, l->nmap * sizeof l->map[0]);
    physmem_write(board_mem(b), ANSWER, zero, sizeof zero);
    physmem_write(board_mem(b), ASK, zero, sizeof ask);
    return 0;
}

static uint64_t search_rsdp(struct board *b, uint64_t from, uint64_t size)
{
    for (uint64_t at = from; at < from + size; at += 16) {
        uint8_t p[20], sum = 0;
        physmem_read(board_mem(b), at, p, sizeof p);
        for (unsigned i = 0; i < sizeof p; i++)
            sum += p[i];
        if (!memcmp(p, "RSD PTR ", 8) && !sum)
            return at;
    }
    return 0;
}

static uint64_t find_rsdp(struct board *b)
{
    uint16_t ebda;
    physmem_read(board_mem(b), EBDA_POINTER, &ebda, sizeof ebda);
    uint64_t rsdp = ebda ? search_rsdp(b, (uint64_t)ebda << 4, 1024) : 0;
    return rsdp ? rsdp : search_rsdp(b, 0xe0000, 0x20000);
}

int load_after_firmware(struct loading *l, const struct load_host *host, struct error *err)
{
    struct board *b = l->board;
    if (host->run_to(host->ctx, BOOT_ENTRY, err) < 0)
        return -1;
    enter_ask(b);
    if (host->run_to(host->ctx, ASK + sizeof ask - 1, err) < 0 || take_answer(l, err) < 0)
        return -1;
    l->rsdp = find_rsdp(b);
    /* the registers at a kernel's entry do not depend on the firmware */
    for (unsigned i = 0; i < board_cpus(b); i++)
        x86_reset(board_cpu(b, i), true);
    return 0;
}
