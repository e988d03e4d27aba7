/* test_waiting.c - loops that only wait, and loops that work (core/run/private/waiting.h), on a PC in 32-bit protected mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/private/waiting.h"
#include "hv/hv.h"
#include "tests/host_asked.h"

struct code {
    const char *what;
    bool waits;
    uint8_t n, bytes[40];
};

static const struct code codes[] = {
    {"jmp .", true, 2, {0xeb, 0xfe}},
    {"cmp [46Ch], ebx; je", true, 8, {0x39, 0x1d, 0x6c, 0x04, 0, 0, 0x74, 0xf8}},
    {"mov eax, [46Ch]; sub eax, ebx; cmp eax, 100; jb",
     true,
     12,
     {0xa1, 0x6c, 0x04, 0, 0, 0x29, 0xd8, 0x83, 0xf8, 100, 0x72, 0xf4}},
    {"rdtsc; sub eax, ebx; mov esi, eax; cmp esi, -1; jb",
     true,
     11,
     {0x0f, 0x31, 0x29, 0xd8, 0x89, 0xc6, 0x83, 0xfe, 0xff, 0x72, 0xf5}},
    {"call 2f; jmp 1b; 2: push ebp; mov ebp, esp; pause; pop ebp; ret",
     true,
     14,
     {0xe8, 2, 0, 0, 0, 0xeb, 0xf9, 0x55, 0x89, 0xe5, 0xf3, 0x90, 0x5d, 0xc3}},
    {"inc ebx; jmp", false, 3, {0x43, 0xeb, 0xfd}},
    {"add eax, [esi]; inc esi; jmp", false, 5, {0x03, 0x06, 0x46, 0xeb, 0xfb}},
    {"mov [2000h], ebx; jmp", false, 8, {0x89, 0x1d, 0, 0x20, 0, 0, 0xeb, 0xf8}},
    {"inc dword [2000h]; jmp", false, 8, {0xff, 0x05, 0, 0x20, 0, 0, 0xeb, 0xf8}},
    {"push eax; jmp", false, 3, {0x50, 0xeb, 0xfd}},
    {"in al, 60h; jmp", false, 4, {0xe4, 0x60, 0xeb, 0xfc}},
    {"out 80h, al; jmp", false, 4, {0xe6, 0x80, 0xeb, 0xfc}},
    {"rdtsc; add ecx, eax; jmp", false, 6, {0x0f, 0x31, 0x01, 0xc1, 0xeb, 0xfa}},
    {"movsb; jmp", false, 3, {0xa4, 0xeb, 0xfd}},
};

static int read_code(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct code *c = ctx;
    memcpy(buf, c->bytes + offset, n);
    return 0;
}

/* A look that begins `skip` steps behind the loop's beginning. */
static enum waits look(const struct code *c, unsigned skip)
{
    const struct setting settings[] = {
        {"memory", "4194304"}, {"flat-address", "0x100000"}, {"vga", "none"}, {"bios", "none"}};
    const struct image image = {
        .role = "flat", .name = "code", .size = c->n, .ctx = (void *)c, .read = read_code};
    const struct engine_config cfg = {.settings = settings, .nsettings = 4, .images = &image, .nimages = 1};
    struct error err = {{0}};
    struct engine *e = pc_as_asked(&cfg, &err);
    struct waiting w;
    struct stop s;
    enum waits waits;
    if (!e)
        fail_msg("%s", err.text);
    waiting_begin(&w, 1000 + skip);
    do {
        const struct run_limit limit = {.icount = w.at, .time = UINT64_MAX};
        e->ops->run(e, &limit, &s);
        assert_int_equal(s.reason, STOP_REACHED);
        waits = waiting_look(&w, e, s.address);
    } while (waits == WAITS_MORE);
    e->ops->destroy(e);
    return waits;
}

static void test_loops(void **state)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        for (unsigned skip = 0; skip < 7; skip++)
            if ((look(&codes[i], skip) == WAITS_YES) != codes[i].waits)
                fail_msg("%s, from step %u", codes[i].what, skip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
