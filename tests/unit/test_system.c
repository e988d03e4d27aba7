/* test_system.c - the processor's system side: small guest programs in all modes, then a look at what they left.
 *
 * A guest is a piece of assembly below, copied to GUEST; it leaves results at RESULT (6000h) and halts. In it, `label - start + 0x8000` is
 * a label's address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/memory.h"
#include "core/run/state.h"
#include "hv/x86/system/sys.h"
#include "tests/host_asked.h"

enum {
    RAM = 4 << 20,
    GUEST = 0x8000,
    RESULT = 0x6000,
    GDT = 0x5000,
    IDT = 0x4000,
    TSS = 0x5800,
    TSS2 = 0x5a00
};

/* ---------------------------------------------------------------- the machine */

struct machine {
    struct physmem *mem;
    uint8_t *ram;
    struct x86 *cpu;
    uint64_t time;
    unsigned smm_calls;
    uint32_t last_out;
    uint16_t last_port;
    struct event ev[256];
    unsigned nev;
};

static uint32_t bus_in(void *ctx, uint16_t port, unsigned size)
{
    return 0x11223344 + port;
}
static void bus_out(void *ctx, uint16_t port, unsigned size, uint32_t v)
{
    struct machine *m = ctx;
    m->last_port = port;
    m->last_out = v;
}
static uint8_t bus_ack(void *ctx, unsigned *source)
{
    return 0x30;
}
static bool bus_rdmsr(void *ctx, uint32_t msr, uint64_t *v)
{
    *v = 0xfee00900;
    return msr == 0x1b;
}
static bool bus_wrmsr(void *ctx, uint32_t msr, uint64_t v)
{
    return msr == 0x1b;
}
static uint64_t bus_cr8(void *ctx)
{
    return 5;
}
static uint64_t bus_time(void *ctx)
{
    const struct machine *m = ctx;
    return m->time + (m->cpu ? x86_steps(m->cpu) : 0);
}
static void bus_smm(void *ctx, bool enter)
{
    ((struct machine *)ctx)->smm_calls++;
}
static void bus_event(void *ctx, struct event *ev)
{
    struct machine *m = ctx;
    if (m->nev < 256)
        m->ev[m->nev++] = *ev;
}

static struct machine *machine_new(const char *model)
{
    struct machine *m = mem_zero(1, sizeof *m);
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = m;
    bus.in = bus_in;
    bus.out = bus_out;
    bus.acknowledge = bus_ack;
    bus.rdmsr = bus_rdmsr;
    bus.wrmsr = bus_wrmsr;
    bus.get_cr8 = bus_cr8;
    bus.time = bus_time;
    bus.smm = bus_smm;
    bus.event = bus_event;
    const struct engine_host host = host_asked();
    m->mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(m->mem, "ram", RAM);
    physmem_map(m->mem, 0, RAM, ram, 0, ram, 0, false);
    m->ram = ramblock_host(ram);
    m->cpu = x86_create(m->mem, &bus, 0, model, NULL);
    assert_non_null(m->cpu);
    return m;
}

static void machine_free(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
    free(m);
}

static void put64(struct machine *m, uint64_t at, uint64_t v)
{
    physmem_write(m->mem, at, &v, 8);
}
static void put32(struct machine *m, uint64_t at, uint32_t v)
{
    physmem_write(m->mem, at, &v, 4);
}
static void put16(struct machine *m, uint64_t at, uint16_t v)
{
    physmem_write(m->mem, at, &v, 2);
}
static uint64_t get64(struct machine *m, uint64_t at)
{
    uint64_t v;
    physmem_read(m->mem, at, &v, 8);
    return v;
}
static uint32_t get32(struct machine *m, uint64_t at)
{
    return (uint32_t)get64(m, at);
}
static uint32_t result(struct machine *m, unsigned i)
{
    return get32(m, RESULT + 4 * i);
}
static uint64_t result64(struct machine *m, unsigned i)
{
    return get64(m, RESULT + 8 * i);
}

/* attr: as in struct seg (access byte, and flags in bits 12-15). */
static void descriptor(struct machine *m, uint64_t at, uint32_t base, uint32_t limit, uint16_t attr)
{
    put64(m, at,
          (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attr << 40 |
              (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56);
}
static void gate(struct machine *m, uint64_t at, uint16_t sel, uint32_t off, uint16_t attr)
{
    put64(m, at, (off & 0xffff) | (uint64_t)sel << 16 | (uint64_t)attr << 32 | (uint64_t)(off >> 16) << 48);
}

/* Run to the halt. */
static void run(struct machine *m, enum x86_exit expected)
{
    uint64_t done;
    enum x86_exit why = x86_run(m->cpu, 100000, &done);
    if (why != expected)
        print_message("ended by %d at %llx after %llu steps\n", why,
                      (unsigned long long)x86_get(m->cpu, "rip"), (unsigned long long)done);
    assert_int_equal(why, expected);
}

static unsigned count_events(const struct machine *m, unsigned kind)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->nev; i++)
        n += m->ev[i].kind == kind;
    return n;
}

extern const uint8_t g_long[], g_long_end[], g_prot[], g_prot_end[], g_v86[], g_v86_end[], g_real[],
    g_real_end[], g_ints[], g_ints_end[], g_smm[], g_smm_end[], g_smm_main[], g_smm_main_end[], g_flags[],
    g_flags_end[], g_task[], g_task_end[], g_above[], g_above_end[], g_patch[], g_patch_end[], g_guard[],
    g_guard_end[];
#define LOAD(m, name) physmem_write((m)->mem, GUEST, name, (size_t)(name##_end - name))

#define BEGIN(name) ".pushsection .rodata\n.globl " name ", " name "_end\n" name ":\n"
#define END(name)   "\n" name "_end:\n.code64\n.popsection\n"

/* ---------------------------------------------------------------- real mode */

/* clang-format off */
__asm__(BEGIN("g_real")
        ".code16\n"
        "  xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; mov %ax, %ds\n"
        "  movw $(r_int - g_real), 0x21*4; movw $0x800, 0x21*4+2\n"
        "  sti; mov $0x1234, %ax; int $0x21\n"
        "r_back: mov %sp, 0x6008\n"
        "  push $0x4000; pop %es; mov %es, 0x600c\n"
        "  lcall $0x7ff, $(r_far - g_real + 16)\n"
        "r_after: smsw %ax; mov %ax, 0x6018\n"
        "  cli; hlt\n"
        "r_int: mov %ax, 0x6000; pushf; pop %cx; mov %cx, 0x6002; mov %sp, %bp; mov (%bp), %dx; mov %dx, 0x6004\n"
        "  mov 4(%bp), %dx; mov %dx, 0x6006; iret\n"
        "r_far: mov %sp, 0x6010; mov %cs, 0x6014; lret\n" END("g_real"));
/* clang-format on */

static void test_real(void **state)
{
    struct machine *m = machine_new(*state);
    assert_int_equal(x86_get(m->cpu, "rip"), 0xfff0);
    assert_int_equal(x86_get(m->cpu, "cs_base"), 0xffff0000);
    assert_int_equal(x86_get(m->cpu, "cr0"), 0x60000010);
    LOAD(m, g_real);
    x86_set_segment(m->cpu, "cs", 0x800, 0x8000, 0xffff, 0x9b);
    x86_set(m->cpu, "rip", 0);
    run(m, X86_HALTED);
    assert_int_equal(result(m, 0) & 0xffff, 0x1234);
    assert_int_equal(result(m, 0) >> 16 & 0x300, 0);     /* IF and TF clear in the handler */
    assert_int_equal(result(m, 1) >> 16 & 0x200, 0x200); /* pushed with IF set */
    assert_int_equal(result(m, 2) & 0xffff, 0x7000);
    assert_int_equal(result(m, 3) & 0xffff, 0x4000);
    assert_int_equal(result(m, 4) & 0xffff, 0x6ffc);
    assert_int_equal(result(m, 5) & 0xffff, 0x7ff);
    assert_int_equal(result(m, 6) & 0xffff, 0x10);
    assert_int_equal(x86_get(m->cpu, "cs"), 0x800);
    assert_int_equal(count_events(m, EV_SOFTINT), 1);
    machine_free(m);
}

/* INT n, INT3, INTO and ICEBP make the same event; INTO without an overflow makes none. */
/* clang-format off */
__asm__(BEGIN("g_ints")
        ".code16\n"
        "  xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; mov %ax, %ds; xor %di, %di\n"
        "2: movw $(i_iret - g_ints), (%di); movw $0x800, 2(%di); add $4, %di; cmp $0x100, %di; jb 2b\n"
        "  int $0x21; int3; .byte 0xf1; into; mov $0x7fff, %ax; inc %ax; into; hlt\n"
        "i_iret: iret\n" END("g_ints"));
/* clang-format on */

static void test_soft_interrupts(void **state)
{
    static const uint8_t want[] = {0x21, VEC_BP, VEC_DB, VEC_OF};
    struct machine *m = machine_new(*state);
    unsigned n = 0;
    LOAD(m, g_ints);
    x86_set_segment(m->cpu, "cs", 0x800, 0x8000, 0xffff, 0x9b);
    x86_set(m->cpu, "rip", 0);
    run(m, X86_HALTED);
    assert_int_equal(count_events(m, EV_SOFTINT), sizeof want);
    for (unsigned i = 0; i < m->nev; i++)
        if (m->ev[i].kind == EV_SOFTINT)
            assert_int_equal(m->ev[i].f[EVF_SOFTINT_vector], want[n++]);
    machine_free(m);
}

/* ---------------------------------------------------------------- from real mode to ring 3 of long mode */

#define LA(label) "(" label " - g_long + 0x8000)"
/* clang-format off */
__asm__(BEGIN("g_long")
        ".code16\n"
        "  xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7000, %sp\n"
        "  lgdtl " LA("l_gdtr") "; mov $0x20, %eax; mov %eax, %cr4; mov $0x10000, %eax; mov %eax, %cr3\n"
        "  mov $0xc0000080, %ecx; rdmsr; or $0x901, %eax; wrmsr\n"
        "  mov %cr0, %eax; or $0x80000001, %eax; mov %eax, %cr0\n"
        "  ljmpl $8, $" LA("l_64") "\n"
        "l_gdtr: .word 0x6f; .long 0x5000\n"
        ".code64\n"
        "l_64: mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss; mov $0x7000, %rsp\n"
        "  mov $0x30, %eax; ltr %ax; lidt " LA("l_idtr") "\n"
        "  mov $0xc0000081, %ecx; xor %eax, %eax; mov $0x001b0008, %edx; wrmsr\n"
        "  mov $0xc0000082, %ecx; mov $" LA("l_syscall") ", %eax; xor %edx, %edx; wrmsr\n"
        "  mov $0xc0000084, %ecx; mov $0x200, %eax; wrmsr\n"
        "  mov $0xc0000102, %ecx; mov $0x1000, %eax; mov $0xffff8000, %edx; wrmsr\n"
        "  int3\n"
        "  push $0x23; push $0x20000; push $0x202; push $0x2b; push $" LA("l_user") "; iretq\n"
        "l_user: mov $0x77, %eax; syscall\n"
        "l_ret: mov %cs, %ebx; mov %rbx, 0x6010; mov %ss, %ebx; mov %rbx, 0x6018\n"
        "  int $0x80\n"
        "  ljmp *" LA("l_compat") "\n" /* to 32-bit code */
        "l_compat: .long " LA("l_32") "; .word 0x1b\n"
        ".code32\n"
        "l_32: mov $0x23, %eax; mov %eax, %ds; mov $0x55, %eax; push %eax; pop %ebx; mov %ebx, 0x6040; mov %cs, %ebx; mov %ebx, 0x6048; hlt\n"
        ".code64\n"
        "l_syscall: swapgs; mov %rcx, 0x6000; mov %r11, 0x6008; mov %rax, 0x6058; swapgs\n"
        "  sysretq\n"
        "l_bp: mov %rsp, 0x6050; iretq\n"
        "l_80: mov (%rsp), %rax; mov %rax, 0x6020; mov 24(%rsp), %rax; mov %rax, 0x6028; mov %ss, %eax; mov %rax, 0x6030\n"
        "  mov %rsp, 0x6038; iretq\n"
        "l_gp: mov (%rsp), %rax; mov %rax, 0x6060; mov 8(%rsp), %rax; mov %rax, 0x6068; mov 16(%rsp), %rax\n"
        "  mov %rax, 0x6070; mov %rsp, 0x6078; cli; hlt\n"
        "l_idtr: .word 0x8ff; .quad 0x4000\n" END("g_long"));
/* clang-format on */
extern const uint8_t l_ret[], l_bp[], l_80[], l_gp[];

static uint32_t guest_address(const uint8_t *base, const uint8_t *label)
{
    return (uint32_t)(GUEST + (label - base));
}

static void long_tables(struct machine *m)
{
    put64(m, 0x10000, 0x11007);
    put64(m, 0x11000, 0x12007);
    for (unsigned i = 0; i < 2; i++)
        put64(m, 0x12000 + 8 * i, i << 21 | 0x87);
    descriptor(m, GDT + 0x08, 0, 0xfffff, 0xa09b);
    descriptor(m, GDT + 0x10, 0, 0xfffff, 0xc093);
    descriptor(m, GDT + 0x18, 0, 0xfffff, 0xc0fb);
    descriptor(m, GDT + 0x20, 0, 0xfffff, 0xc0f3);
    descriptor(m, GDT + 0x28, 0, 0xfffff, 0xa0fb);
    descriptor(m, GDT + 0x30, TSS, 0x67, 0x89);
    put64(m, TSS + 4, 0x30008);    /* RSP0, not aligned */
    put64(m, TSS + 0x24, 0x38000); /* IST1 */
    gate(m, IDT + 16 * 3, 8, guest_address(g_long, l_bp), 0xee01);
    gate(m, IDT + 16 * 0x80, 8, guest_address(g_long, l_80), 0xee00);
    gate(m, IDT + 16 * 13, 8, guest_address(g_long, l_gp), 0x8e00);
}

static void test_long(void **state)
{
    struct machine *m = machine_new(*state);
    LOAD(m, g_long);
    long_tables(m);
    put64(m, IDT + 16 * 0x80 + 8, 0);
    x86_set_segment(m->cpu, "cs", 0, 0, 0xffff, 0x9b);
    x86_set(m->cpu, "rip", GUEST);
    run(m, X86_HALTED);
    assert_int_equal(result64(m, 0), guest_address(g_long, l_ret)); /* RCX */
    assert_int_equal(result64(m, 1) & 0x200, 0x200);                /* R11 */
    assert_int_equal(result64(m, 2), 0x2b);                         /* CS and SS after SYSRET */
    assert_int_equal(result64(m, 3), 0x23);
    assert_int_equal(result64(m, 5), 0x20000);      /* int 80h: user RSP */
    assert_int_equal(result64(m, 6), 0);            /* SS null in the handler */
    assert_int_equal(result64(m, 7), 0x30000 - 40); /* aligned inner stack */
    assert_int_equal(result64(m, 8) & 0xffffffff, 0x55);
    assert_int_equal(result64(m, 9) & 0xffffffff, 0x1b);
    assert_int_equal(result64(m, 10), 0x38000 - 40); /* IST at the same level */
    assert_int_equal(result64(m, 11), 0x77);
    assert_int_equal(result64(m, 12), 0); /* HLT at CPL 3: #GP(0) */
    assert_int_equal(result64(m, 14), 0x1b);
    assert_int_equal(result64(m, 15), 0x30000 - 48);
    assert_int_equal(x86_get(m->cpu, "k_gs_base"), 0xffff800000001000);
    assert_int_equal(count_events(m, EV_CPU_RING3), 1);
    assert_int_equal(count_events(m, EV_PROCESS_FIRST), 1);
    assert_int_equal(count_events(m, EV_CPU_MODE), 2); /* real, compatibility, 64-bit */
    assert_true(x86_get(m->cpu, "efer") & EFER_LMA);
    machine_free(m);
}

/* ---------------------------------------------------------------- 32-bit protected mode */

/* Flat code at CPL 0, paging off. Selectors: 8 code, 10h data, 1bh/23h user, 28h TSS, 33h call gate to CPL 0, 38h TSS 2, 40h
 * conforming code, 48h data not present, 50h expand-down data, 5bh user data of CPL 3 with a small limit. */
static void prot_setup(struct machine *m, const uint8_t *entry, const uint8_t *base)
{
    descriptor(m, GDT + 0x08, 0, 0xfffff, 0xc09a);
    descriptor(m, GDT + 0x10, 0, 0xfffff, 0xc092);
    descriptor(m, GDT + 0x18, 0, 0xfffff, 0xc0fa);
    descriptor(m, GDT + 0x20, 0, 0xfffff, 0xc0f2);
    descriptor(m, GDT + 0x28, TSS, 0x1ff, 0x89);
    descriptor(m, GDT + 0x38, TSS2, 0x67, 0x89);
    descriptor(m, GDT + 0x40, 0, 0xfffff, 0xc09e);
    descriptor(m, GDT + 0x48, 0, 0xfffff, 0xc012);
    descriptor(m, GDT + 0x50, 0, 0x6fff, 0x4096);
    descriptor(m, GDT + 0x58, 0x6000, 0xff, 0x40f2);
    put32(m, TSS + 4, 0x30000);
    put32(m, TSS + 8, 0x10);
    put16(m, TSS + 0x66, 0x88);
    for (unsigned i = 0; i < 0x100; i++)
        m->ram[TSS + 0x88 + i] = 0xff;
    m->ram[TSS + 0x88 + 0x60 / 8] = 0xfe; /* port 60h */
    x86_set(m->cpu, "cr0", 0x11);
    x86_set(m->cpu, "gdtr_base", GDT);
    x86_set(m->cpu, "gdtr_limit", 0x5f);
    x86_set(m->cpu, "idtr_base", IDT);
    x86_set(m->cpu, "idtr_limit", 0x7ff);
    x86_set_segment(m->cpu, "cs", 0x08, 0, 0xffffffff, 0xc09b);
    static const char *const data[] = {"ds", "es", "ss"};
    for (unsigned i = 0; i < 3; i++)
        x86_set_segment(m->cpu, data[i], 0x10, 0, 0xffffffff, 0xc093);
    x86_set(m->cpu, "rsp", 0x7000);
    x86_set(m->cpu, "rip", guest_address(base, entry));
}

#define PA(label) "(" label " - g_prot + 0x8000)"
/* The fault handler records error code and address at (edi) and goes on at esi, at CPL 0. */
/* clang-format off */
__asm__(BEGIN("g_prot")
        ".code32\n"
        "  mov $0x28, %eax; ltr %ax; mov $0x6100, %edi\n"
        /* faults of loading segment registers */
        "  mov $1f - g_prot + 0x8000, %esi; mov $0x48, %eax; mov %eax, %ds\n"
        "1: mov $1f - g_prot + 0x8000, %esi; mov $0x10, %eax; mov %eax, %ds; mov $0x48, %eax; mov %eax, %ss\n"
        "1: mov $1f - g_prot + 0x8000, %esi; mov $0x13, %eax; mov %eax, %ss\n"
        "1: mov $1f - g_prot + 0x8000, %esi; mov $0x60, %eax; mov %eax, %es\n"
        "1: mov $1f - g_prot + 0x8000, %esi; xor %eax, %eax; mov %eax, %es; mov %es:(%eax), %eax\n"
        /* expand-down: offsets up to the limit are outside */
        "1: mov $1f - g_prot + 0x8000, %esi; mov $0x50, %eax; mov %eax, %es; mov %es:0x7000, %ebx; mov %es:0x6fff, %ebx\n"
        /* LAR, LSL, VERR, ARPL */
        "1: mov $0x58, %eax; lsl %ax, %ebx; mov %ebx, 0x6000; lar %ax, %ebx; mov %ebx, 0x6004; mov $0x60, %eax\n"
        "  mov $0x99, %ebx; lsl %ax, %ebx; setz 0x6008; mov %bl, 0x6009; mov $8, %eax; verr %ax; setz 0x600a; verw %ax; setz 0x600b\n"
        /* to CPL 3 by RETF with 8 bytes dropped on both stacks */
        "  push $0; push $0; mov %esp, 0x600c; mov $0x10, %eax; mov %eax, %es; mov %eax, %fs\n"
        "  push $0x23; push $0x20000; push $0x1234; push $0x5678; push $0x1b; push $" PA("p_user") "; lret $8\n"
        "p_user: mov %esp, 0x6010\n" /* DS is 10h no more: this faults */
        "p_user2: mov $0x23, %eax; mov %eax, %ds; mov %esp, 0x6010; mov %fs, 0x6014\n"
        "  push $0xaaaa; push $0xbbbb; lcall $0x33, $0\n"
        "p_back: mov %esp, 0x6018; mov %eax, 0x601c\n"
        "  in $0x60, %al; mov %al, 0x6020; mov $p_io - g_prot + 0x8000, %esi; in $0x61, %al\n"
        "p_io: cli; hlt\n"
        /* call gate with 2 parameters */
        "p_gate: mov %esp, 0x6024; mov 8(%esp), %eax; mov %eax, 0x6028; mov 12(%esp), %eax; mov %eax, 0x602c\n"
        "  mov 16(%esp), %eax; mov %eax, 0x6030; mov 20(%esp), %eax; mov %eax, 0x6034; mov 4(%esp), %eax; lret $8\n"
        /* faults */
        "p_gp: push %ds; push %eax; mov $0x10, %eax; mov %eax, %ds; mov 8(%esp), %eax; mov %eax, (%edi); mov 12(%esp), %eax\n"
        "  mov %eax, 4(%edi); mov 16(%esp), %eax; mov %eax, 8(%edi); add $12, %edi; testb $3, 16(%esp); pop %eax; jnz p_from3\n"
        "  add $4, %esp; add $16, %esp; jmp *%esi\n"
        "p_from3: add $4, %esp; cmpl $" PA("p_user") ", 4(%esp); jne p_stop; movl $" PA("p_user2") ", 4(%esp); add $4, %esp\n"
        "  xor %eax, %eax; mov %eax, %ds; iretl\n"
        "p_stop: hlt\n" END("g_prot"));
/* clang-format on */
extern const uint8_t p_gate[], p_gp[];

static void test_protected(void **state)
{
    static const uint32_t want[][2] = {{0x48, 11}, {0x48, 12}, {0x10, 13}, {0x60, 13}, {0, 13}, {0, 13}};
    struct machine *m = machine_new(*state);
    LOAD(m, g_prot);
    prot_setup(m, g_prot, g_prot);
    gate(m, GDT + 0x30, 8, guest_address(g_prot, p_gate), 0xec02);
    for (unsigned v = 11; v <= 13; v++)
        gate(m, IDT + 8 * v, 8, guest_address(g_prot, p_gp), 0x8e00);
    run(m, X86_HALTED);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(get32(m, 0x6100 + 12 * i), want[i][0]);
    unsigned n = 0;
    for (unsigned i = 0; i < m->nev && n < 6; i++)
        if (m->ev[i].kind == EV_EXCEPTION)
            assert_int_equal(m->ev[i].f[EVF_EXCEPTION_vector], want[n++][1]);
    assert_int_equal(result(m, 0), 0xff);
    assert_int_equal(result(m, 1), 0x0040f200);
    assert_int_equal(result(m, 2),
                     0x00019900); /* LSL failed, register kept; code is readable, not writable */
    assert_int_equal(result(m, 4), 0x20008);
    assert_int_equal(result(m, 5) & 0xffff, 0); /* FS was dropped */
    assert_int_equal(result(m, 6), 0x20008);    /* the parameters are gone */
    assert_int_equal(result(m, 7), 0x1b);
    assert_int_equal(result(m, 8) & 0xff, 0xa4);
    assert_int_equal(result(m, 9), 0x30000 - 24);
    assert_int_equal(result(m, 10), 0xbbbb);
    assert_int_equal(result(m, 11), 0xaaaa);
    assert_int_equal(result(m, 12), 0x20000);
    assert_int_equal(result(m, 13), 0x23);
    assert_int_equal(get32(m, 0x6100 + 12 * 7), 0); /* port 61h */
    assert_int_equal(get32(m, 0x6100 + 12 * 7 + 8), 0x1b);
    assert_true(m->ram[GDT + 0x28 + 5] & 2); /* TSS busy */
    assert_true(m->ram[GDT + 0x50 + 5] & 1); /* accessed */
    machine_free(m);
}

/* ---------------------------------------------------------------- virtual-8086 mode */

#define VA(label) "(" label " - g_v86 + 0x8000)"
/* clang-format off */
__asm__(BEGIN("g_v86")
        ".code32\n"
        "  mov $0x28, %eax; ltr %ax; mov %cr4, %eax; or $1, %eax; mov %eax, %cr4\n"
        "  push $0x4400; push $0x3300; push $0x2200; push $0x1100; push $0; push $0x6f00\n" /* GS FS DS ES SS ESP */
        "  push $0x20202; push $0x800; push $(v_16 - g_v86); iretl\n"
        ".code16\n"
        "v_16: mov %sp, %cs:(v_data - g_v86); pushf; pop %ax; mov %ax, %cs:(v_data - g_v86 + 2); int $0x22\n" /* redirected */
        "  cli; sti; int $0x21\n"
        "v_data: .word 0, 0\n"
        "v_22: mov %sp, %bp; mov 4(%bp), %ax; mov %ax, %cs:(v_data - g_v86 + 4); iret\n"
        ".space 4\n"
        ".code32\n"
        "v_gp: mov $0x10, %eax; mov %eax, %ds; mov (%esp), %eax; mov %eax, 0x6000; mov 4(%esp), %eax; mov %eax, 0x6004\n"
        "  mov 12(%esp), %eax; mov %eax, 0x6008; mov 24(%esp), %eax; mov %eax, 0x600c; mov 36(%esp), %eax; mov %eax, 0x6010\n"
        "  mov %esp, 0x6014; mov %es, 0x6018; mov %fs, 0x601a; pushf; pop %eax; mov %eax, 0x601c; hlt\n" END("g_v86"));
/* clang-format on */
extern const uint8_t v_gp[], v_22[], v_data[];

static void test_v86(void **state)
{
    struct machine *m = machine_new(*state);
    LOAD(m, g_v86);
    prot_setup(m, g_v86, g_v86);
    m->ram[TSS + 0x68 + 0x21 / 8] = 1 << (0x21 & 7); /* INT 21h is not redirected */
    put16(m, 4 * 0x22, (uint16_t)(v_22 - g_v86));
    put16(m, 4 * 0x22 + 2, 0x800);
    gate(m, IDT + 8 * 13, 8, guest_address(g_v86, v_gp), 0x8e00);
    run(m, X86_HALTED);
    uint32_t data = guest_address(g_v86, v_data);
    assert_int_equal(get32(m, data) & 0xffff, 0x6f00);
    assert_int_equal(get32(m, data) >> 16 & 0x3200, 0x3000); /* VME: IOPL shows as 3, IF is VIF */
    assert_int_equal(result(m, 0), 0);
    assert_int_equal(result(m, 2) & 0x30000, 0x30000); /* VM; RF, as for all faults */
    assert_int_equal(result(m, 2) & FLAG_VIF, FLAG_VIF);
    assert_int_equal(result(m, 3), 0x1100); /* ES */
    assert_int_equal(result(m, 4), 0x4400); /* GS */
    assert_int_equal(result(m, 5), 0x30000 - 40);
    assert_int_equal(result(m, 6), 0);
    assert_int_equal(result(m, 7) & (FLAG_VM | FLAG_IF), 0);
    machine_free(m);
}

/* ---------------------------------------------------------------- tables above 2 GiB */

/* clang-format off */
__asm__(BEGIN("g_above")
        ".code32\n"
        "  sgdt 0x6000; sidt 0x6008; mov 0x6002, %eax; or $0x80000000, %eax; mov %eax, 0x6002\n"
        "  mov 0x600a, %eax; or $0xc0000000, %eax; mov %eax, 0x600a; lgdt 0x6000; lidt 0x6008\n"
        "  mov $0x175, %ecx; mov $0xc0001000, %eax; xor %edx, %edx; wrmsr; inc %ecx; mov $0xc1002000, %eax; wrmsr\n"
        "  rdmsr; mov %eax, 0x6010; sgdt 0x6018; sidt 0x6020; hlt\n" END("g_above"));
/* clang-format on */

/* Where a 32-bit Linux has them. */
static void test_tables_above(void **state)
{
    struct machine *m = machine_new(*state);
    LOAD(m, g_above);
    prot_setup(m, g_above, g_above);
    run(m, X86_HALTED);
    assert_int_equal(count_events(m, EV_EXCEPTION), 0);
    assert_int_equal(result(m, 4), 0xc1002000);
    assert_int_equal(get32(m, 0x601a), 0x80000000 | GDT);
    assert_int_equal(get32(m, 0x6022), 0xc0000000 | IDT);
    machine_free(m);
}

/* ---------------------------------------------------------------- task switches */

/* clang-format off */
__asm__(BEGIN("g_task")
        ".code32\n"
        "  mov $0x28, %eax; ltr %ax; mov $0x1111, %ebx; lcall $0x38, $0\n"
        "t_back: mov %ebx, 0x6000; str %ax; mov %ax, 0x6004; clts; ljmp $0x38, $0\n"
        "t_new: mov %ebx, 0x6008; pushf; pop %eax; mov %eax, 0x600c; mov %esp, 0x6010; smsw %eax; mov %eax, 0x6014; mov $0x3333, %ebx; iret\n"
        "  mov $0x4444, %ecx; mov %ebx, 0x6018; pushf; pop %eax; mov %eax, 0x601c; hlt\n" END("g_task"));
/* clang-format on */
extern const uint8_t t_new[];

static void test_task(void **state)
{
    struct machine *m = machine_new(*state);
    LOAD(m, g_task);
    prot_setup(m, g_task, g_task);
    put32(m, TSS2 + 0x20, guest_address(g_task, t_new));
    put32(m, TSS2 + 0x24, 2);
    put32(m, TSS2 + 0x34, 0x2222); /* EBX */
    put32(m, TSS2 + 0x38, 0x28000);
    for (unsigned i = 0; i < 6; i++)
        put32(m, TSS2 + 0x48 + 4 * i, i == 1 ? 8 : 0x10);
    run(m, X86_HALTED);
    assert_int_equal(result(m, 2), 0x2222);
    assert_int_equal(result(m, 3) & FLAG_NT, FLAG_NT);
    assert_int_equal(result(m, 4), 0x28000);
    assert_int_equal(result(m, 5) & CR0_TS, CR0_TS);
    assert_int_equal(result(m, 0), 0x1111);
    assert_int_equal(result(m, 1) & 0xffff, 0x28);
    assert_int_equal(result(m, 6), 0x3333); /* the second entry goes on behind IRET */
    assert_int_equal(result(m, 7) & FLAG_NT, 0);
    assert_int_equal(x86_get(m->cpu, "tr"), 0x38);
    assert_false(m->ram[GDT + 0x28 + 5] & 2);
    assert_true(m->ram[GDT + 0x38 + 5] & 2);
    assert_int_equal(get32(m, TSS2) & 0xffff, 0x28);
    assert_int_equal(get32(m, TSS + 0x20), guest_address(g_task, t_new)); /* behind the far JMP */
    machine_free(m);
}

/* ---------------------------------------------------------------- system management mode */

/* The handler at 38000h: moves SMBASE, changes what EBX will be. */
/* clang-format off */
__asm__(BEGIN("g_smm")
        ".code16\n"
        "  mov %cs, %ax; mov %ax, %ds; mov %cs:0xfefc, %eax; mov %eax, %cs:0xf000\n"
        "  movl $0xa5, %cs:0xffe0; movl $0x40000, %cs:0xff00; rsm\n" END("g_smm"));
__asm__(BEGIN("g_smm_main") ".code32\n mov $0x12, %ebx; nop; nop; mov %ebx, 0x6000; mov %esp, 0x6004; hlt\n" END("g_smm_main"));
/* clang-format on */

static void test_smm(void **state)
{
    struct machine *m = machine_new(*state);
    uint64_t done;
    LOAD(m, g_smm_main);
    prot_setup(m, g_smm_main, g_smm_main);
    physmem_write(m->mem, 0x38000, g_smm, (size_t)(g_smm_end - g_smm));
    assert_int_equal(x86_run(m->cpu, 2, &done), X86_DONE);
    x86_raise_smi(m->cpu);
    run(m, X86_HALTED);
    assert_int_equal(result(m, 0), 0xa5);
    assert_int_equal(result(m, 1), 0x7000);
    assert_int_equal(get32(m, 0x3f000), 0x20064);
    assert_int_equal(x86_get(m->cpu, "smbase"), 0x40000);
    assert_int_equal(m->smm_calls, 2);
    assert_int_equal(x86_get(m->cpu, "cs"), 8);
    assert_int_equal(count_events(m, EV_CPU_SMM), 2);
    machine_free(m);
}

/* ---------------------------------------------------------------- CPUID, MSRs, saving */

/* clang-format off */
__asm__(BEGIN("g_flags")
        ".code32\n"
        "  xor %eax, %eax; cpuid; mov %eax, 0x6000; mov %ebx, 0x6004; mov %edx, 0x6008; mov %ecx, 0x600c\n"
        "  mov $1, %eax; cpuid; mov %ecx, 0x6010; mov %edx, 0x6014\n"
        "  mov $0x80000001, %eax; cpuid; mov %ecx, 0x6018; mov %edx, 0x601c\n"
        "  mov $0x277, %ecx; rdmsr; mov %eax, 0x6020; mov %edx, 0x6024\n"
        "  mov $0x10, %ecx; mov $1000, %eax; xor %edx, %edx; wrmsr; rdtsc; mov %eax, 0x6028\n"
        "  pushf; pop %eax; xor $0x200000, %eax; push %eax; popf; pushf; pop %ebx; xor %ebx, %eax; mov %eax, 0x602c\n"
        "  mov $0xc0010004, %ecx; mov $1, %eax; wrmsr; rdmsr; mov %eax, 0x6034\n" /* Xen clears the counters unasked */
        "  mov $0x12345, %ecx; rdmsr\n"
        "f_gp: mov (%esp), %eax; mov %eax, 0x6030; hlt\n" END("g_flags"));
/* clang-format on */
extern const uint8_t f_gp[];

/* A sink and source in one: the section's fields, one after the other. */
struct blob {
    uint8_t data[8192];
    size_t n, at;
};
static void blob_save(void *ctx, const char *name, const struct field *f, size_t n, const void *base)
{
    struct blob *b = ctx;
    section_pack(f, n, base, b->data + b->n);
    b->n += section_size(f, n);
}
static int blob_load(void *ctx, const char *name, const struct field *f, size_t n, void *base)
{
    struct blob *b = ctx;
    section_unpack(f, n, base, b->data + b->at);
    b->at += section_size(f, n);
    return 0;
}

static void flags_setup(struct machine *m)
{
    LOAD(m, g_flags);
    prot_setup(m, g_flags, g_flags);
    gate(m, IDT + 8 * 13, 8, guest_address(g_flags, f_gp), 0x8e00);
}

static void test_identification(void **state)
{
    struct machine *m = machine_new(*state);
    const bool intel = cpu_has(m->cpu, FT_INTEL);
    /* After a reset EDX is the signature. Models 20h to 3Fh of family 15 are those of which FreeBSD warns. */
    uint32_t signature = (uint32_t)x86_get(m->cpu, "rdx"),
             model = (signature >> 12 & 0xf0) | (signature >> 4 & 15);
    assert_int_equal(signature >> 8 & 15, intel ? 6 : 15);
    assert_int_equal(signature >> 20, 0);
    assert_false(!intel && model >= 0x20 && model <= 0x3f);
    flags_setup(m);
    run(m, X86_HALTED);
    assert_memory_equal(m->ram + 0x6004, intel ? "GenuineIntel" : "AuthenticAMD", 12);
    assert_int_equal(result(m, 4) & (1u << 20 | 1u << 23 | 1u << 13 | 1), 1u << 20 | 1u << 23 | 1u << 13 | 1);
    assert_int_equal(result(m, 5) & 0x0787fbff, 0x078bfbff & 0x0787fbff);
    assert_int_equal(result(m, 7) & (1u << 29 | 1u << 20 | 1u << 11), 1u << 29 | 1u << 20 | 1u << 11);
    assert_int_equal(result(m, 8), 0x00070406);
    assert_in_range(result(m, 10), 1001, 1010);
    assert_int_equal(result(m, 11), 0); /* ID can be toggled */
    assert_int_equal(result(m, 12), 0);
    assert_int_equal(result(m, 13), 0);
    assert_int_equal(count_events(m, EV_UNHANDLED), 1);
    machine_free(m);
}

/* ---------------------------------------------------------------- what a supervisor may not do */

/* The first 4 MiB are the supervisor's; the next 4 MiB are the same memory as the user's. */
#define LABEL(label) "(" label " - g_guard + 0x8000)"
/* clang-format off */
__asm__(BEGIN("g_guard")
        ".code32\n"
        "  mov $0x10000, %eax; mov %eax, %cr3; mov $0x300010, %eax; mov %eax, %cr4\n" /* PSE, SMEP, SMAP */
        "  mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0; mov $0x6000, %edi\n"
        "  mov $" LABEL("1f") ", %esi; mov 0x406040, %eax\n"
        "1: mov $" LABEL("1f") ", %esi; stac; mov 0x406040, %eax; mov %eax, 0x6020\n"
        "1: mov $" LABEL("1f") ", %esi; clac; mov %eax, 0x406040\n"
        "1: mov $" LABEL("1f") ", %esi; mov $" LABEL("1f") " + 0x400000, %eax; jmp *%eax\n"
        "1: rdrand %eax; setc 0x6024; mov %eax, 0x6028; rdrand %eax; mov %eax, 0x602c; hlt\n"
        "u_pf: pop %eax; mov %eax, (%edi); add $4, %edi; mov %esi, (%esp); iretl\n" END("g_guard"));
/* clang-format on */
extern const uint8_t u_pf[];

static void test_supervisor_guards(void **state)
{
    struct machine *m = machine_new("max");
    LOAD(m, g_guard);
    prot_setup(m, g_guard, g_guard);
    gate(m, IDT + 8 * 14, 8, guest_address(g_guard, u_pf), 0x8e00);
    put32(m, 0x10000, 0x83);
    put32(m, 0x10004, 0x87);
    put32(m, 0x6040, 0x1234);
    run(m, X86_HALTED);
    assert_int_equal(result(m, 0), 1);    /* read of a user's page */
    assert_int_equal(result(m, 1), 3);    /* write */
    assert_int_equal(result(m, 2), 0x11); /* execution */
    assert_int_equal(result(m, 3), 0);
    assert_int_equal(result(m, 8), 0x1234);
    assert_int_equal(result(m, 9), 1);
    assert_int_not_equal(result(m, 10), result(m, 11));
    machine_free(m);
}

/* ---------------------------------------------------------------- code that changes */

/* As GRUB's way into the BIOS does: numbers are patched into code that was decoded, data lies beside it. */
#define HERE(label) "(" label " - g_patch + 0x8000)"
/* clang-format off */
__asm__(BEGIN("g_patch")
        ".code32\n"
        "  xor %ebx, %ebx; mov $4, %ecx\n"
        "p_loop: mov %ecx, %edx; or $1, %edx; mov %edx, " HERE("p_value") " + 1; incl " HERE("p_data") "\n"
        "  call p_value; add %eax, %ebx; loop p_loop\n"
        "  mov %ebx, 0x6000; mov " HERE("p_data") ", %eax; mov %eax, 0x6004\n"
        "  movb $0x43, " HERE("p_next") "\n"
        "p_next: inc %ecx; mov %ebx, 0x6008; hlt\n"
        "p_value: mov $0, %eax; ret\n"
        "p_data: .long 40\n" END("g_patch"));
/* clang-format on */

static void test_changing_code(void **state)
{
    struct machine *m = machine_new(*state);
    LOAD(m, g_patch);
    prot_setup(m, g_patch, g_patch);
    run(m, X86_HALTED);
    assert_int_equal(result(m, 0), 5 + 3 + 3 + 1);
    assert_int_equal(result(m, 1), 44);
    assert_int_equal(result(m, 2), 13);
    machine_free(m);
}

static int same_state(struct machine *a, struct machine *b)
{
    struct blob x = {.n = 0}, y = {.n = 0};
    x86_save(a->cpu, &(struct snapshot_sink){.ctx = &x, .section = blob_save});
    x86_save(b->cpu, &(struct snapshot_sink){.ctx = &y, .section = blob_save});
    return x.n == y.n && !memcmp(x.data, y.data, x.n);
}

/* Saved at every step into a second machine that makes the next step too. */
static void test_save_each_step(void **state)
{
    struct machine *a = machine_new(*state), *b = machine_new(*state);
    flags_setup(a);
    flags_setup(b);
    for (unsigned i = 0; i < 60; i++) {
        struct blob blob = {.n = 0};
        uint64_t done;
        x86_save(a->cpu, &(struct snapshot_sink){.ctx = &blob, .section = blob_save});
        assert_int_equal(x86_load(b->cpu, &(struct snapshot_source){.ctx = &blob, .section = blob_load}), 0);
        b->time = a->time;
        memcpy(b->ram, a->ram, 0x8000);
        x86_run(a->cpu, 1, &done);
        x86_run(b->cpu, 1, &done);
        assert_true(same_state(a, b));
    }
    machine_free(a);
    machine_free(b);
}

static void test_unknown_model(void **state)
{
    struct machine *m = machine_new("x86-64");
    struct error err;
    assert_int_equal(cpuid_select(m->cpu, "z80", &err), -1);
    assert_non_null(strstr(err.text, "x86-64-v2"));
    machine_free(m);
}

/* Every register can be read, written back and read again; but that a processor is in SMM follows from its other state. */
static void test_registers(void **state)
{
    struct machine *m = machine_new(*state);
    size_t n;
    const struct reg_desc *d = x86_regs(m->cpu, &n);
    for (size_t i = 0; i < n; i++) {
        uint8_t a[16] = {0}, b[16] = {0};
        assert_int_equal(x86_reg_get(m->cpu, i, a), 0);
        assert_int_equal(x86_reg_set(m->cpu, i, a), strcmp(d[i].name, "smm") ? 0 : -1);
        assert_int_equal(x86_reg_get(m->cpu, i, b), 0);
        if (memcmp(a, b, 16))
            print_message("register %s does not keep its value\n", d[i].name);
        assert_memory_equal(a, b, 16);
    }
    assert_int_equal(x86_set(m->cpu, "no such", 1), -1);
    machine_free(m);
}

/* Each test runs on every model that has what it needs. */
static const struct {
    const char *name;
    CMUnitTestFunction run;
    enum feature needs;
} tests[] = {
    {"real", test_real, FT_BASE},
    {"long", test_long, FT_LM},
    {"protected", test_protected, FT_BASE},
    {"v86", test_v86, FT_BASE},
    {"tables_above", test_tables_above, FT_SYSENTER},
    {"task", test_task, FT_BASE},
    {"smm", test_smm, FT_LM},
    {"identification", test_identification, FT_SSE42},
    {"soft_interrupts", test_soft_interrupts, FT_BASE},
    {"changing_code", test_changing_code, FT_BASE},
    {"supervisor_guards", test_supervisor_guards, FT_SMAP},
    {"save_each_step", test_save_each_step, FT_BASE},
    {"unknown_model", test_unknown_model, FT_BASE},
    {"registers", test_registers, FT_BASE},
};
enum { NTESTS = sizeof tests / sizeof tests[0] };

static bool model_has(const char *model, enum feature f)
{
    struct machine *m = machine_new(model);
    const bool has = cpu_has(m->cpu, f);
    machine_free(m);
    return has;
}

int main(void)
{
    int failed = 0;
    for (unsigned i = 0; x86_model(i); i++) {
        struct CMUnitTest group[NTESTS];
        size_t n = 0;
        for (unsigned k = 0; k < NTESTS; k++)
            if (model_has(x86_model(i), tests[k].needs))
                group[n++] = (struct CMUnitTest){
                    .name = tests[k].name, .test_func = tests[k].run, .initial_state = (char *)x86_model(i)};
        failed += _cmocka_run_group_tests(x86_model(i), group, n, NULL, NULL);
    }
    return failed;
}
