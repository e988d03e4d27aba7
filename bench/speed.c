/* speed.c - how many steps a second the PC makes in small guests, each of which does one thing that is dear to an emulator: changing
 * page tables and paging bits, exceptions and system calls, real mode under interrupts, data beside code.
 *
 *     speed [NAME...]        prints a line a guest: its name, and millions of steps a second (the best of three runs)
 *
 * Only the engine's public header is used, so that this file can be built in another checkout as well, to compare two versions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/host_asked.h"

/* ---------------------------------------------------------------- the guests */

#define BEGIN(name, bits)                                                                                    \
    ".pushsection .rodata\n.globl " #name ", " #name "_end\n" #name ":\n.code" #bits "\n"                    \
    ".set here, " #name " - 0x100000\n"
#define END(name) "\n" #name "_end:\n.code64\n.popsection\n"

/* 32-bit guests begin at 1 MiB in protected mode. Memory: page directories at 4 MiB (two, with tables of their own), data at 8 MiB. */
#define TABLES                                                                                                   \
    "  mov $0x402000, %edi; mov $7, %eax; mov $0x1000, %ecx\n"                                                   \
    "1: mov %eax, (%edi); mov %eax, 0x4000(%edi); add $4, %edi; add $0x1000, %eax; loop 1b\n"                    \
    "  mov $0x400000, %edi; mov $0x402007, %eax; mov $4, %ecx\n"                                                 \
    "1: mov %eax, (%edi); add $0x4000, %eax; mov %eax, 0x1000(%edi); sub $0x3000, %eax; add $4, %edi; loop 1b\n" \
    "  mov $0x400000, %eax; mov %eax, %cr3; mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0\n"

/* Reads and writes eight pages: 34 steps. */
#define WORK                                                                                                 \
    "  mov $0x800000, %esi; mov $8, %ecx\n"                                                                  \
    "9: mov (%esi), %eax; inc %eax; mov %eax, 4(%esi); add $0x1000, %esi; loop 9b\n"

/* clang-format off */
#define GUEST32(name, setup, body) __asm__(BEGIN(name, 32) TABLES setup "0:\n" body "  jmp 0b\n" END(name))

GUEST32(g_plain, "", WORK);
GUEST32(g_cr3_same, "", "mov %cr3, %eax; mov %eax, %cr3\n" WORK);
GUEST32(g_cr3_two, "", "mov $0x400000, %eax; mov %eax, %cr3\n" WORK "mov $0x401000, %eax; mov %eax, %cr3\n" WORK);
GUEST32(g_wp, "", "mov %cr0, %eax; xor $0x10000, %eax; mov %eax, %cr0\n" WORK);
GUEST32(g_pge, "", "mov %cr4, %eax; xor $0x80, %eax; mov %eax, %cr4; xor $0x80, %eax; mov %eax, %cr4\n" WORK);
GUEST32(g_invlpg, "", "invlpg 0x800000\n" WORK);
/* One page is mapped to other memory each time. */
GUEST32(g_remap, "", "xorl $0x100000, 0x404000; invlpg 0x800000\n" WORK);
/* A page of a directory is taken away and put back. */
GUEST32(g_directory, "", "mov 0x400008, %edx; movl $0, 0x400008; mov %cr3, %eax; mov %eax, %cr3; mov %edx, 0x400008\n" WORK);
/* The page at 806000h was a table once: its entry in the directory was used, and is gone. */
GUEST32(g_old_table, "  mov $0x800007, %eax; mov %eax, 0x806000; movl $0x806007, 0x400010; mov 0x1000000, %eax; movl $0, 0x400010\n", WORK);
/* It still is one, of which nothing is used but an entry that is not written. */
GUEST32(g_table_data, "  mov $0x800007, %eax; mov %eax, 0x806ffc; movl $0x806007, 0x400010; mov 0x13ff000, %eax\n", WORK);

/* Ring 3: segments and a TSS of our own; the handler is at `handler`, for all of vectors 0 to 255. */
#define RING3(handler, body)                                                                                 \
    "  mov $0x500000, %edi; xor %eax, %eax; mov $0x1000, %ecx; rep stosl\n"                                  \
    "  movl $0x0000ffff, 0x500008; movl $0x00cf9b00, 0x50000c; movl $0x0000ffff, 0x500010; movl $0x00cf9300, 0x500014\n" \
    "  movl $0x0000ffff, 0x500018; movl $0x00cffb00, 0x50001c; movl $0x0000ffff, 0x500020; movl $0x00cff300, 0x500024\n" \
    "  movl $0x10000067, 0x500028; movl $0x00008950, 0x50002c; movl $0x600000, 0x501004; movl $0x10, 0x501008\n" \
    "  mov $" handler " - here, %eax; mov %eax, %edx; and $0xffff, %eax; or $0x80000, %eax; and $0xffff0000, %edx; or $0xee00, %edx\n" \
    "  mov $0x502000, %edi; mov $256, %ecx\n"                                                                \
    "1: mov %eax, (%edi); mov %edx, 4(%edi); add $8, %edi; loop 1b\n"                                        \
    "  movw $0x37, 0x503000; movl $0x500000, 0x503002; movw $0x7ff, 0x503008; movl $0x502000, 0x50300a\n"    \
    "  lgdt 0x503000; lidt 0x503008; ljmp $8, $1f - here; 1: mov $0x28, %eax; ltr %ax\n"                     \
    "  mov $0x10, %eax; mov %eax, %ss; mov $0x23, %eax; mov %eax, %ds; mov %eax, %es\n"                      \
    "  push $0x23; push $0x700000; push $2; push $0x1b; push $2f - here; iret\n2:\n0:\n" body "  jmp 0b\n"

__asm__(BEGIN(g_int, 32) TABLES RING3("h_int", "int $0x80; inc %eax\n") "h_int: iret\n" END(g_int));
__asm__(BEGIN(g_ud, 32) TABLES RING3("h_ud", "ud2; inc %eax\n") "h_ud: addl $2, (%esp); iret\n" END(g_ud));
__asm__(BEGIN(g_pf, 32) TABLES RING3("h_pf", "mov 0xc0000000, %eax; inc %eax\n") "h_pf: addl $5, 4(%esp); add $4, %esp; iret\n" END(g_pf));

/* Real mode: a boot sector with its data and stack close to the code. */
#define REAL_BEGIN(name) ".pushsection .rodata\n.globl " #name ", " #name "_end\n" #name ":\n.code16\n.set here, " #name " - 0x7c00\n"
#define REAL_VECTOR(n, handler) "  movw $" handler " - here, 4*" #n "; movw $0, 4*" #n "+2\n"

__asm__(REAL_BEGIN(g_real) "  mov $0x7c00, %sp\n"
        "0: mov $16, %cx\n"
        "9: mov counter - here, %ax; inc %ax; mov %ax, counter - here; push %ax; pop %dx; call sub; loop 9b\n"
        "  jmp 0b\nsub: ret\ncounter: .word 0\n" END(g_real));
__asm__(REAL_BEGIN(g_real_int) "  mov $0x7c00, %sp\n" REAL_VECTOR(0x60, "r_int")
        "0: int $0x60; inc %ax; jmp 0b\nr_int: iret\n" END(g_real_int));
/* The PIT at 119 kHz: an interrupt every 8381 steps. */
__asm__(REAL_BEGIN(g_real_pit) "  mov $0x7c00, %sp\n" REAL_VECTOR(8, "r_pit")
        "  mov $0x11, %al; out %al, $0x20; mov $8, %al; out %al, $0x21; mov $4, %al; out %al, $0x21; mov $1, %al; out %al, $0x21\n"
        "  mov $0xfe, %al; out %al, $0x21; mov $0x34, %al; out %al, $0x43; mov $10, %al; out %al, $0x40; xor %al, %al; out %al, $0x40; sti\n"
        "0: mov $16, %cx\n"
        "9: mov r_count - here, %ax; inc %ax; mov %ax, r_count - here; push %ax; pop %dx; loop 9b\n"
        "  jmp 0b\nr_pit: push %ax; mov $0x20, %al; out %al, $0x20; pop %ax; iret\nr_count: .word 0\n" END(g_real_pit));
/* To protected mode and back, as boot loaders do for each call of the BIOS. */
__asm__(REAL_BEGIN(g_real_prot) "  mov $0x7c00, %sp; cli; lgdt p_gdtr - here\n"
        "0: mov %cr0, %eax; or $1, %al; mov %eax, %cr0; ljmp $8, $1f - here\n"
        "1: mov $16, %dx; mov %dx, %ds; mov 0x8000, %edx; mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0; ljmp $0, $2f - here\n"
        "2: xor %dx, %dx; mov %dx, %ds; mov 0x9000, %eax; mov %eax, 0xa000; jmp 0b\n"
        "p_gdt: .quad 0, 0x00009b000000ffff, 0x00cf93000000ffff\np_gdtr: .word 23; .long p_gdt - here\n" END(g_real_prot));
/* clang-format on */

#define GUEST(name, cpus, address, about)                                                                    \
    {                                                                                                        \
#name, g_##name, g_##name##_end, cpus, address, about                                                \
    }
#define DECLARE(name) extern const uint8_t g_##name[], g_##name##_end[]
DECLARE(plain);
DECLARE(cr3_same);
DECLARE(cr3_two);
DECLARE(wp);
DECLARE(pge);
DECLARE(invlpg);
DECLARE(remap);
DECLARE(directory);
DECLARE(old_table);
DECLARE(table_data);
DECLARE(int);
DECLARE(ud);
DECLARE(pf);
DECLARE(real);
DECLARE(real_int);
DECLARE(real_pit);
DECLARE(real_prot);

static const struct guest {
    const char *name;
    const uint8_t *from, *to;
    const char *cpus, *address, *about;
} guests[] = {
    GUEST(plain, "1", "0x100000", "eight pages read and written, with paging"),
    GUEST(cr3_same, "1", "0x100000", "the same, after a load of the same CR3"),
    GUEST(cr3_two, "1", "0x100000", "… of two CR3 in turn"),
    GUEST(wp, "1", "0x100000", "… CR0.WP toggled"),
    GUEST(pge, "1", "0x100000", "… CR4.PGE toggled twice"),
    GUEST(invlpg, "1", "0x100000", "… INVLPG"),
    GUEST(remap, "1", "0x100000", "… one page mapped elsewhere"),
    GUEST(directory, "1", "0x100000", "… a directory entry cleared and set"),
    GUEST(old_table, "1", "0x100000", "… one page was a page table before"),
    GUEST(table_data, "1", "0x100000", "… one page is a page table as well"),
    GUEST(old_table, "2", "0x100000", "two processors: one page was a page table"),
    GUEST(remap, "2", "0x100000", "two processors: one page mapped elsewhere"),
    GUEST(int, "1", "0x100000", "INT 80h in ring 3"),
    GUEST(ud, "1", "0x100000", "#UD in ring 3"),
    GUEST(pf, "1", "0x100000", "#PF in ring 3"),
    GUEST(real, "1", "0x7c00", "real mode: data, stack and code in one page"),
    GUEST(real_int, "1", "0x7c00", "real mode: INT 60h"),
    GUEST(real_pit, "1", "0x7c00", "real mode: an interrupt every 8381 steps"),
    GUEST(real_prot, "1", "0x7c00", "real mode to protected mode and back"),
};

/* ---------------------------------------------------------------- measuring */

static int guest_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct guest *g = ctx;
    (void)err;
    memcpy(buf, g->from + offset, n);
    return 0;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct engine *start(const struct guest *g)
{
    struct image image = {.role = "flat",
                          .name = "speed",
                          .size = (uint64_t)(g->to - g->from),
                          .ctx = (void *)g,
                          .read = guest_read};
    struct setting settings[] = {
        {"memory", "33554432"}, {"bios", "none"}, {"cpus", g->cpus}, {"flat-address", g->address}};
    struct engine_config cfg = {.settings = settings,
                                .nsettings = sizeof settings / sizeof settings[0],
                                .images = &image,
                                .nimages = 1};
    struct error err;
    struct engine *e = pc_as_asked(&cfg, &err);
    if (!e) {
        fprintf(stderr, "speed: %s\n", err.text);
        exit(2);
    }
    return e;
}

/* Steps a second, over at least a third of a second. */
static double rate(const struct guest *g)
{
    struct engine *e = start(g);
    struct run_limit limit = {.icount = 1000000, .time = UINT64_MAX};
    struct stop stop;
    e->ops->run(e, &limit, &stop);
    double began = seconds(), took;
    do {
        limit.icount += 1000000;
        e->ops->run(e, &limit, &stop);
        took = seconds() - began;
    } while (took < 0.3 && stop.reason == STOP_REACHED);
    if (stop.reason != STOP_REACHED) {
        fprintf(stderr, "speed: %s ends at %llu\n", g->name, (unsigned long long)stop.icount);
        exit(1);
    }
    e->ops->destroy(e);
    return (double)(limit.icount - 1000000) / took;
}

static void measure(const struct guest *g)
{
    double best = 0;
    for (unsigned i = 0; i < 3; i++) {
        double r = rate(g);
        best = r > best ? r : best;
    }
    printf("%8.1f  %-11s %s\n", best / 1e6, g->name, g->about);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    printf("M steps/s\n");
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
        bool wanted = argc == 1;
        for (int a = 1; a < argc; a++)
            wanted |= !strcmp(argv[a], guests[i].name);
        if (wanted)
            measure(&guests[i]);
    }
    return 0;
}
