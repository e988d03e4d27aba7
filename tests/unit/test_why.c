/* test_why.c - verdicts of boots that the network ends (core/why/network.c), of traces that have its frames alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/story/private/network.h"
#include "core/why/why.h"
#include "tests/unit/fake_engine.c" /* not in the library: only tests have it */
#include "tests/unit/net_frames.h"
#include "tests/unit/trace_sample.h"

struct recording {
    struct trace_writer *w;
    struct network *network;
    uint64_t icount;
};

static void write_event(void *ctx, const struct event *ev)
{
    struct recording *r = ctx;
    assert_int_equal(trace_write_event(r->w, ev, NULL), 0);
}

/* A frame, at that second. */
static void says(struct recording *r, uint64_t second, bool out, enum net_frame which)
{
    uint8_t b[NET_FRAME_MOST];
    const size_t n = net_frame(which, b);
    const struct event ev = {.kind = out ? EV_NET_OUT : EV_NET_IN,
                             .icount = ++r->icount,
                             .time = second * 1000000000u,
                             .f = {0, n},
                             .data = b,
                             .len = (uint32_t)n};
    write_event(r, &ev);
    network_event(r->network, &ev);
}

static void begin(struct recording *r, const char *path)
{
    struct trace_config config = sample_config;
    config.nimages = 0;
    *r = (struct recording){.w = trace_writer_create(path, &config, NULL)};
    assert_non_null(r->w);
    r->network = network_new(write_event, r);
}

/* Nothing more happens until then. */
static void ends(struct recording *r, const char *path, uint64_t second, const char *verdict)
{
    struct error err = {0};
    const struct event last = {.kind = EV_HALT, .icount = ++r->icount, .time = second * 1000000000u};
    write_event(r, &last);
    const struct trace_end end = {.reason = "stopped", .text = "", .icount = r->icount, .time = last.time};
    network_free(r->network);
    assert_int_equal(trace_writer_finish(r->w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    struct why *why = why_ask(t, &fake_kind, UINT64_MAX, &err);
    assert_non_null(why);
    assert_int_equal(why->answer, WHY_WRONG);
    assert_string_equal(why->verdict, verdict);
    assert_string_equal(why->subject, "network");
    assert_true(why->n > 0);
    why_free(why);
    trace_close(t);
    unlink(path);
}

static void test_no_server(void **state)
{
    char *path = temp_path("why");
    struct recording r;
    begin(&r, path);
    says(&r, 0, true, FRAME_DHCP_DISCOVER);
    says(&r, 2, true, FRAME_DHCP_DISCOVER);
    ends(&r, path, 12, "no DHCP server answered: 2 requests in 12 s");
    free(path);
}

static void test_not_taken(void **state)
{
    char *path = temp_path("why");
    struct recording r;
    begin(&r, path);
    says(&r, 0, true, FRAME_DHCP_DISCOVER);
    says(&r, 1, false, FRAME_DHCP_OFFER);
    says(&r, 2, true, FRAME_DHCP_DISCOVER);
    says(&r, 3, false, FRAME_DHCP_OFFER);
    ends(&r, path, 12, "the guest does not take what the DHCP server offers: 2 requests");
    free(path);
}

static void test_not_acknowledged(void **state)
{
    char *path = temp_path("why");
    struct recording r;
    begin(&r, path);
    says(&r, 0, true, FRAME_DHCP_DISCOVER);
    says(&r, 1, false, FRAME_DHCP_OFFER);
    says(&r, 2, true, FRAME_DHCP_REQUEST);
    says(&r, 6, true, FRAME_DHCP_REQUEST);
    ends(&r, path, 20, "the DHCP server does not acknowledge the address that it offered: 2 requests");
    free(path);
}

/* TFTP has no such file. */
static void test_no_file(void **state)
{
    char *path = temp_path("why");
    struct recording r;
    begin(&r, path);
    says(&r, 0, true, FRAME_DHCP_DISCOVER);
    says(&r, 1, false, FRAME_DHCP_OFFER);
    says(&r, 1, true, FRAME_DHCP_REQUEST);
    says(&r, 1, false, FRAME_DHCP_ACK);
    says(&r, 2, true, FRAME_TFTP_READ_ABSENT);
    says(&r, 2, false, FRAME_TFTP_NOT_FOUND);
    ends(&r, path, 3, "TFTP: absent.bin from 10.0.2.2: File not found");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_server), cmocka_unit_test(test_not_taken),
                                       cmocka_unit_test(test_not_acknowledged),
                                       cmocka_unit_test(test_no_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
