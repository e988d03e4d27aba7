/* test_net_user.c - the user network (core/net) under a hostile guest: storms of ARP, giant frames, paths of TFTP that lead out of its folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/net/net.h"
#include "core/packets/packet.h"
#include "tests/unit/net_frames.h"
#include "tests/unit/trace_sample.h"

enum { SECOND = 1000000000 };

static struct net *user(const char *folder)
{
    struct error err = {0};
    const struct net_wire wire = {.kind = NET_USER, .tftp = folder, .seed = 1};
    struct net *net = net_new(&wire, 1, &err);
    if (!net)
        fail_msg("%s", err.text);
    return net;
}

static void send_frame(struct net *net, uint64_t now, enum net_frame which)
{
    uint8_t b[NET_FRAME_MOST];
    const size_t n = net_frame(which, b);
    net_sent(net, 0, now, b, n);
}

/* Everything that comes up to then; the last frame's line is in `line`. */
static unsigned receive(struct net *net, uint64_t now, char *line, size_t size)
{
    unsigned n = 0;
    struct input in;
    for (; net_due(net, now, &in); n++) {
        packet_line(in.data, in.len, in.len, line, size);
        net_given(net, now, true);
    }
    return n;
}

/* Each request that there is room for has an answer; the others are counted. */
static void test_arp_storm(void **state)
{
    enum { STORM = 20000 };
    struct net *net = user(NULL);
    char line[400] = "";
    for (unsigned i = 0; i < STORM; i++)
        send_frame(net, i, FRAME_ARP_REQUEST);
    net_run(net, 0, SECOND);
    const unsigned n = receive(net, 2ull * SECOND, line, sizeof line);
    assert_true(n > 0);
    assert_int_equal(n + net_dropped(net), STORM);
    assert_string_equal(line, "ARP 10.0.2.2 is at 52:55:0a:00:02:02");
    net_free(net);
}

/* How many of 100 answers are touched of those to frames sent from `at` on, if so many of 100 are mangled from an icount and a time on. */
static unsigned touched(uint64_t icount, uint64_t from, uint64_t from_time, uint64_t at)
{
    struct error err = {0};
    const struct net_wire wire = {
        .kind = NET_USER, .mangle = NET_PERCENT, .mangle_from = from, .mangle_from_time = from_time};
    struct net *net = net_new(&wire, 1, &err);
    struct input in;
    unsigned notes = 0;
    net_run(net, 0, 0);
    assert_int_equal(net_stop(net), from ? from : UINT64_MAX);
    net_run(net, icount, 500);
    for (unsigned i = 0; i < 100; i++)
        send_frame(net, at + i, FRAME_ARP_REQUEST);
    net_run(net, icount, SECOND);
    for (; net_due(net, 2ull * SECOND, &in); net_given(net, SECOND, true))
        notes += in.port == INPUT_NET_NOTE0;
    net_free(net);
    return notes;
}

/* The guest time of an icount is that of the stop there, whatever it is when an earlier frame is answered. */
static void test_mangled_from(void **state)
{
    assert_int_equal(touched(0, 0, 0, 0), 100);
    assert_int_equal(touched(10, 20, 0, 0), 0); /* 20 steps are not reached when the engine stops at 500 ns */
    assert_int_equal(touched(20, 20, 0, 450), 50); /* sent at 450 to 549 ns */
    assert_int_equal(touched(0, 0, 530, 450), 20);
    assert_int_equal(touched(20, 20, 530, 450), 20);
}

/* Frames as large as a card can send them, whose headers say less, the same, and more. */
static void test_giant_frames(void **state)
{
    static const enum net_frame head[] = {FRAME_ARP_REQUEST, FRAME_DHCP_DISCOVER, FRAME_SYN,
                                          FRAME_TFTP_READ,   FRAME_SOLICIT6,      FRAME_OTHER};
    static const uint16_t lengths[] = {0, 20, 1500, ENGINE_FRAME - 14, ENGINE_FRAME, 0xffff};
    struct net *net = user(NULL);
    char line[400] = "";
    uint64_t now = 0;
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            uint8_t b[ENGINE_FRAME];
            memset(b, 'x', sizeof b);
            net_frame(head[i], b);
            b[16] = (uint8_t)(lengths[k] >> 8); /* IPv4's */
            b[17] = (uint8_t)lengths[k];
            net_sent(net, 0, now, b, sizeof b);
            net_run(net, 0, now += SECOND);
            receive(net, now, line, sizeof line);
        }
    /* It still answers. */
    send_frame(net, now, FRAME_ARP_REQUEST);
    net_run(net, 0, now += SECOND);
    assert_true(receive(net, now + SECOND, line, sizeof line) > 0);
    assert_string_equal(line, "ARP 10.0.2.2 is at 52:55:0a:00:02:02");
    net_free(net);
}

/* ---------------------------------------------------------------- TFTP */

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* A request of IPv4 for that file. Returns its bytes. */
static size_t tftp_read(uint8_t b[NET_FRAME_MOST], const char *name)
{
    enum { IP = 14, UDP = IP + 20, TFTP = UDP + 8 };
    net_frame(FRAME_TFTP_READ, b);
    const size_t n = TFTP + 2 + (size_t)sprintf((char *)b + TFTP + 2, "%s%coctet", name, 0) + 1;
    put16(b + IP + 2, (unsigned)n - IP);
    put16(b + IP + 10, 0);
    uint32_t sum = 0;
    for (unsigned i = IP; i < UDP; i += 2)
        sum += b[i] << 8 | b[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(b + IP + 10, ~(sum + (sum >> 16)) & 0xffff);
    put16(b + UDP + 4, (unsigned)n - UDP);
    put16(b + UDP + 6, 0); /* no checksum (RFC 768) */
    return n;
}

/* A folder with the file `here`, beside which is the file `secret`; `out` is a link to that, `up` one to where it is. */
static void make_files(const char *top, char folder[300])
{
    char path[400];
    snprintf(folder, 300, "%s/folder", top);
    assert_int_equal(mkdir(top, 0700) | mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/secret", top);
    spill(path, "secret", 6);
    snprintf(path, sizeof path, "%s/here", folder);
    spill(path, "public", 6);
    snprintf(path, sizeof path, "%s/out", folder);
    assert_int_equal(symlink("../secret", path), 0);
    snprintf(path, sizeof path, "%s/up", folder);
    assert_int_equal(symlink("..", path), 0);
}

static void remove_files(const char *top)
{
    static const char *const names[] = {"folder/up", "folder/out", "folder/here", "folder", "secret", ""};
    char path[400];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", top, names[i]);
        remove(path);
    }
}

/* Where a path leads counts, not how. */
static void test_tftp_paths(void **state)
{
    static const struct {
        const char *name;
        bool given;
    } paths[] = {
        {"here", true},        {"/here", true},          {"../secret", false},
        {"/../secret", false}, {"./../secret", false},   {"up/secret", false},
        {"out", false},        {"up/folder/here", true}, {"../folder/../secret", false},
        {"..", false},         {"/etc/passwd", false},   {"....//secret", false},
        {"..\\secret", false},
    };
    char *top = temp_path("tftp"), folder[300], line[400];
    make_files(top, folder);
    struct net *net = user(folder);
    uint64_t now = SECOND;
    send_frame(net, 0, FRAME_ARP_REQUEST);
    net_run(net, 0, now);
    receive(net, now, line, sizeof line);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        uint8_t b[NET_FRAME_MOST];
        net_sent(net, 0, now, b, tftp_read(b, paths[i].name));
        net_run(net, 0, now += SECOND);
        *line = 0;
        receive(net, now + SECOND, line, sizeof line);
        if (!strstr(line, paths[i].given ? "TFTP data block 1, 6 bytes" : "TFTP error"))
            fail_msg("%s: %s", paths[i].name, line);
    }
    net_free(net);
    remove_files(top);
    free(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arp_storm), cmocka_unit_test(test_mangled_from),
                                       cmocka_unit_test(test_giant_frames),
                                       cmocka_unit_test(test_tftp_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
