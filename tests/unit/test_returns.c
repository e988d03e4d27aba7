/* test_returns.c - an input that makes a function return at once (hv/returns.c): what it does, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/engine/engine.h"
#include "tests/host_asked.h"

/* At 7c00h, as 16-bit code. */
static const uint8_t caller[] = {
    0xbc, 0x00, 0x70, /* mov sp, 7000h */
    0xe8, 0x02, 0x00, /* call 7c08h */
    0xeb, 0xfe,       /* jmp here */
    0xb0, 0x01, 0xc3, /* mov al, 1; ret */
};
enum { FUNCTION = 0x7c08, BACK = 0x7c06 };

static int read_image(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    memcpy(buf, (const uint8_t *)ctx + offset, n);
    return 0;
}

/* At the function's first instruction. */
static struct engine *entered(void)
{
    static const struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"vga", "none"}, {"flat-address", "31744"}};
    const struct image image = {
        .role = "flat", .name = "guest", .size = sizeof caller, .ctx = (void *)caller, .read = read_image};
    const struct engine_config cfg = {.settings = settings, .nsettings = 4, .images = &image, .nimages = 1};
    const struct run_limit limit = {.icount = 2, .time = UINT64_MAX};
    struct stop stop;
    struct error err;
    struct engine *e = pc_as_asked(&cfg, &err);
    if (!e)
        fail_msg("%s", err.text);
    e->ops->run(e, &limit, &stop);
    return e;
}

struct engine_text {
    char text[64];
    uint64_t value;
};

static void take_event(void *ctx, const struct event *ev)
{
    struct engine_text *to = ctx;
    if (ev->kind != EV_CPU_RETURNS)
        return;
    snprintf(to->text, sizeof to->text, "%.*s", (int)ev->len, (const char *)ev->data);
    to->value = EVF(ev, CPU_RETURNS, value);
}

/* How much of an input with so long a name is taken. */
static uint32_t given(struct engine *e, uint8_t cpu, uint64_t address, size_t name)
{
    uint8_t *data = mem_zero(1, INPUT_RETURN_HEAD + name);
    data[0] = cpu;
    put_le64(data + 1, address);
    put_le64(data + 9, 0x12345);
    memset(data + INPUT_RETURN_HEAD, 'f', name);
    const struct input in = {.port = INPUT_RETURN, .data = data, .len = (uint32_t)(INPUT_RETURN_HEAD + name)};
    const uint32_t taken = e->ops->input(e, &in);
    free(data);
    return taken;
}

static uint64_t reg(const struct engine *e, const char *name)
{
    return engine_reg_value(e, 0, engine_reg_index(e, name));
}

static void returns(void **state)
{
    struct engine_text said = {.value = 0};
    const struct observer to = {.ctx = &said, .event = take_event};
    struct engine *e = entered();
    e->ops->observe(e, EVENT_CLASSES_ALL, &to);
    assert_int_equal(given(e, 0, FUNCTION, 3), INPUT_RETURN_HEAD + 3);
    e->ops->flush(e);
    assert_string_equal(said.text, "fff");
    assert_int_equal(said.value, 0x12345);
    assert_int_equal(reg(e, "rip"), BACK);
    assert_int_equal(reg(e, "rsp") & 0xffff, 0x7000);
    assert_int_equal(reg(e, "rax") & 0xffff, 0x2345);
    e->ops->destroy(e);
}

/* Also what only a damaged trace can hold: an event has room for EVENT_MAX_DATA bytes. */
static void refused(void **state)
{
    struct engine *e = entered();
    const struct input none = {.port = INPUT_RETURN, .data = (const uint8_t *)"", .len = 1};
    assert_int_equal(e->ops->input(e, &none), 0);
    assert_int_equal(given(e, 0, FUNCTION + 1, 3), 0);
    assert_int_equal(given(e, 1, FUNCTION, 3), 0);
    assert_int_equal(given(e, 0, FUNCTION, EVENT_MAX_DATA + 1), 0);
    assert_int_equal(reg(e, "rip"), FUNCTION);
    assert_int_equal(given(e, 0, FUNCTION, EVENT_MAX_DATA), INPUT_RETURN_HEAD + EVENT_MAX_DATA);
    e->ops->destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(returns), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
