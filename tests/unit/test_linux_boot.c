/* test_linux_boot.c - what is told of a Linux kernel's way from its loader to its end (core/systems/linux/boot.c): the parameters, the
 * decompressor, the functions that it goes through, memory, consoles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_kernel.h"

/* ---------------------------------------------------------------- the boot parameters
 * Physical addresses. Linux, Documentation/arch/x86/zero-page.rst. */

enum { PARAMS = 0x10000, LINE = 0x12000, MORE = 0x13000, DECOMPRESSOR = 0x14000, COPY = 0x18000 };

static void put_physical(struct kernel *k, uint64_t at, uint64_t value, unsigned bytes)
{
    put(k, k->base + at, value, bytes);
}

static void put_entry(struct kernel *k, uint64_t at, uint64_t begin, uint64_t size, uint32_t type)
{
    put_physical(k, at, begin, 8);
    put_physical(k, at + 8, size, 8);
    put_physical(k, at + 16, type, 4);
}

/* Parameters of GRUB 2, with an initrd above 4 GiB and a range of memory for which there is no more room. */
static void put_params(struct kernel *k)
{
    memcpy(kernel_place(k, k->base + PARAMS + 0x202, 4), "HdrS", 4);
    put_physical(k, PARAMS + 0x200, 0xeb, 1);
    put_physical(k, PARAMS + 0x206, 0x20f, 2);
    put_physical(k, PARAMS + 0x210, 0x72, 1);
    put_physical(k, PARAMS + 0x214, DECOMPRESSOR, 4);
    put_physical(k, PARAMS + 0x218, 0x1000, 4);
    put_physical(k, PARAMS + 0xc0, 1, 4);
    put_physical(k, PARAMS + 0x21c, 0x2000, 4);
    put_physical(k, PARAMS + 0x228, LINE, 4);
    put_physical(k, PARAMS + 0x236, 1, 2);
    put_physical(k, PARAMS + 0x24c, 0x500, 4);
    put_physical(k, PARAMS + 0x260, 0x8000, 4);
    put_text(k, k->base + LINE, "console=ttyS0 ro");
    put_physical(k, PARAMS + 0x1e8, 2, 1);
    put_entry(k, PARAMS + 0x2d0, 0, 0x9fc00, 1);
    put_entry(k, PARAMS + 0x2d0 + 20, 0x9fc00, 0x400, 2);
    put_physical(k, PARAMS + 0x250, MORE, 8);
    put_physical(k, MORE + 8, 1, 4);
    put_physical(k, MORE + 12, 20, 4);
    put_entry(k, MORE + 16, 0x100000, 0x700000, 1);
}

static const char params_told[] = "boot protocol 0x20f, loader 0x72, parameters at 0x10000\n"
                                  "command line: console=ttyS0 ro\n"
                                  "initrd at 0x100001000, 8192 bytes\n"
                                  "e820 0x0 size 0x9fc00 usable\n"
                                  "e820 0x9fc00 size 0x400 reserved\n"
                                  "e820 0x100000 size 0x700000 usable\n";

static struct kernel *unknown_kernel(void)
{
    struct kernel *k = kernel_new(8);
    k->lx->state = LX_NONE;
    kernel_begins(k);
    put_params(k);
    return k;
}

/* They are told once; without the magic number nothing is. */
static void test_params(void **state)
{
    struct kernel *k = unknown_kernel();
    lx_boot_params(k->lx, 0x11000);
    tells(k, "");
    lx_boot_params(k->lx, PARAMS);
    tells(k, params_told);
    lx_boot_params(k->lx, PARAMS);
    tells(k, "");
    kernel_free(k);
}

/* Whatever the loader was: RSI has the parameters. */
static void test_entered(void **state)
{
    struct kernel *k = unknown_kernel();
    k->fake.reg[K_RSI] = LINE;
    lx_boot_entered(k->lx, DECOMPRESSOR);
    tells(k, "");
    k->fake.reg[K_RSI] = PARAMS;
    lx_boot_entered(k->lx, DECOMPRESSOR);
    assert_int_equal(strncmp(k->events, "linux 64-bit entered at 0x14000\n", 32), 0);
    memmove(k->events, k->events + 32, strlen(k->events + 32) + 1);
    tells(k, params_told);
    kernel_free(k);
}

/* Setup code is known by the BIOS services that it calls from behind its header. */
static void test_setup(void **state)
{
    struct kernel *k = unknown_kernel();
    put_physical(k, PARAMS + 0x1f1, 2, 1); /* sectors after the first */
    lx_setup_calls(k->lx, PARAMS + 3 * 512);
    lx_setup_calls(k->lx, PARAMS + 0x100);
    tells(k, "");
    lx_setup_calls(k->lx, PARAMS + 3 * 512 - 8);
    lx_setup_calls(k->lx, PARAMS + 3 * 512 - 8);
    tells(k, "linux real-mode entered at 0x10200\n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- the decompressor */

/* call extract_kernel; pop %rsi; jmp *%rax */
static const char end_code[] = "\xe8\x10\x00\x00\x00\x5e\xff\xe0";

/* It is followed from the jump to its copy, which is where the kernel is unpacked and entered. */
static void test_decompressor(void **state)
{
    struct kernel *k = unknown_kernel();
    memcpy(kernel_place(k, k->base + DECOMPRESSOR + 0x40, 9), "\x48\x8d\x83\x10\x00\x00\x00\xff\xe0",
           9); /* lea …(%rbx), %rax; jmp *%rax */
    memcpy(kernel_place(k, k->base + DECOMPRESSOR + 0x80, 8), end_code, 8);
    memcpy(kernel_place(k, k->base + COPY + 0x20, 8), end_code, 8);
    lx_boot_early(k->lx, DECOMPRESSOR);
    assert_int_equal(k->lx->state, LX_DECOMPRESSOR);
    k->fake.reg[K_RAX] = COPY;
    executes(k, DECOMPRESSOR + 0x47);
    assert_true(k->lx->followed);
    executes(k, DECOMPRESSOR + 0x80); /* not the place any more */
    tells(k, "");
    k->fake.reg[K_RDI] = PARAMS;
    executes(k, COPY + 0x20);
    assert_non_null(strstr(k->events, params_told));
    assert_non_null(strstr(k->events, "decompression of 1280 bytes\n"));
    k->events[0] = 0;
    k->fake.reg[K_RSI] = PARAMS;
    k->fake.reg[K_RAX] = 0x1000;
    executes(k, COPY + 0x26);
    assert_int_equal(strncmp(k->events, "decompressed, kernel at 0x1000\n", 31), 0);
    k->events[0] = 0;
    executes(k, 0x1000);
    executes(k, 0x1000);
    tells(k, "startup_64 reached\n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- milestones */

/* What start_kernel calls directly, but for what is called everywhere; nothing that these call. */
static void test_milestones(void **state)
{
    struct kernel *k = kernel_new(8);
    const uint64_t setup = FUNCTION(k, "setup_arch", RETURNS);
    const uint64_t print = FUNCTION(k, "_printk", RETURNS);
    const uint64_t start = FUNCTION(k, "start_kernel", "\x90\xe8\x7a\xff\xff\xff\xe8\xb5\xff\xff\xff\xc3");
    assert_int_equal(start + 6 - 0x86, setup);
    assert_int_equal(start + 11 - 0x4b, print);
    kernel_begins(k);
    lx_boot_setup(k->lx);
    k->fake.reg[K_RIP] = start;
    ENTERS(k, "start_kernel", 0);
    executes(k, start + 1);
    executes(k, setup);
    k->fake.reg[K_RAX] = 7;
    executes(k, start + 6);
    executes(k, start + 11);
    tells(k, "start_kernel reached\n"
             "setup_arch\n"
             "setup_arch returned 0x7 after 2000 ns\n");
    kernel_free(k);
}

/* A console that was not asked for is not enabled, and is none. */
static void test_consoles(void **state)
{
    enum { NAME = 0, CONSOLE_FLAGS = 0x20, INDEX = 0x24 };
    static const char *const names[] = {"register_console", "mm_core_init", "start_secondary",
                                        "kernel_restart", NULL};
    struct kernel *k = kernel_new(8);
    struct linux_types *t = &k->lx->types;
    t->console_name = NAME;
    t->console_flags = CONSOLE_FLAGS;
    t->console_index = INDEX;
    functions(k, names);
    variable(k, "_totalram_pages", k->base + 0x3000);
    kernel_begins(k);
    lx_boot_setup(k->lx);
    const uint64_t serial = text_object(k, "ttyS"), screen = text_object(k, "tty");
    put(k, serial + CONSOLE_FLAGS, 0x15, 4);
    put(k, serial + INDEX, 1, 2);
    put(k, screen + CONSOLE_FLAGS, 1, 4);
    CALLS(k, "register_console", 0, serial);
    CALLS(k, "register_console", 0, screen);
    put(k, k->base + 0x3000, 50000, 8);
    CALLS(k, "mm_core_init", 0, 0);
    ENTERS(k, "start_secondary", 0);
    k->fake.reg[K_RIP] = address_of(k, "kernel_restart");
    ENTERS(k, "kernel_restart", 0);
    tells(k, "console ttyS1 registered, flags 0x15\n"
             "memory initialised, 50000 pages of 4 KiB free\n"
             "processor 0 up\n"
             "kernel_restart\n");
    kernel_free(k);
}

/* By the symbols of the range; without them by the arguments of the function that frees it, of which one calls the other. */
static void test_init_memory(void **state)
{
    for (unsigned named = 0; named < 2; named++) {
        static const char *const names[] = {"free_initmem", "free_kernel_image_pages", "free_init_pages",
                                            NULL};
        struct kernel *k = kernel_new(8);
        functions(k, names);
        if (named) {
            variable(k, "__init_begin", k->base + 0x8000);
            variable(k, "__init_end", k->base + 0xa000);
        }
        kernel_begins(k);
        lx_boot_setup(k->lx);
        const uint64_t what = text_object(k, "unused kernel image (initmem)"),
                       other = text_object(k, "SMP alternatives");
        ENTERS(k, "free_initmem", 0);
        ENTERS(k, "free_init_pages", other, k->base, k->base + 0x1000);
        ENTERS(k, "free_kernel_image_pages", what, k->base + 0x8000, k->base + 0xa000);
        ENTERS(k, "free_init_pages", what, k->base + 0x8000, k->base + 0xa000);
        tells(k, "init memory freed: 8192 bytes at 0xffffffff81008000\n");
        kernel_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params),      cmocka_unit_test(test_entered),
        cmocka_unit_test(test_setup),       cmocka_unit_test(test_decompressor),
        cmocka_unit_test(test_milestones),  cmocka_unit_test(test_consoles),
        cmocka_unit_test(test_init_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
