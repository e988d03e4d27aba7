/* test_gdbstub.c - packets, and whole sessions with a client that may be hostile, on a real machine's
 * timeline. That a real gdb is content is shown in tests/cli/gdb-*.sh. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/memory.h"
#include "gdb_guest.h"

enum { ROUNDS = 1000, STEPS = 3 + 2 * ROUNDS + 1, LONG_ROUNDS = 30000000 };

/* ---------------------------------------------------------------- packets */

static enum packet_event feed(struct packet_parser *p, const char *s, size_t n)
{
    enum packet_event e = PACKET_NONE;
    for (size_t i = 0; i < n; i++)
        e = packet_feed(p, (uint8_t)s[i]);
    return e;
}
#define FEED(p, s) feed(p, s, sizeof(s) - 1)

static void parse(void **state)
{
    struct packet_parser *p = mem_zero(1, sizeof *p);
    assert_int_equal(FEED(p, "noise$g#67"), PACKET_DATA);
    assert_string_equal((char *)p->data, "g");
    assert_int_equal(FEED(p, "$g#68"), PACKET_BAD);
    assert_int_equal(FEED(p, "$g#6x"), PACKET_BAD);
    assert_int_equal(FEED(p, "$m12,$g#67"), PACKET_DATA); /* the first was cut off */
    assert_string_equal((char *)p->data, "g");
    assert_int_equal(FEED(p, "$g#$g#6$g#67"), PACKET_DATA);
    assert_int_equal(FEED(p, "$}\x03}\x04}]#db"), PACKET_DATA);
    assert_int_equal(p->n, 3);
    assert_memory_equal(p->data, "#$}", 3);
    assert_int_equal(FEED(p, "$#00"), PACKET_DATA);
    assert_int_equal(p->n, 0);
    assert_int_equal(FEED(p, "+"), PACKET_ACK);
    assert_int_equal(FEED(p, "-"), PACKET_NAK);
    assert_int_equal(FEED(p, "\x03"), PACKET_INTERRUPT);
    assert_int_equal(FEED(p, "$X\x03"), PACKET_NONE); /* inside a packet it is data */
    assert_int_equal(FEED(p, "#5b"), PACKET_DATA);
    FEED(p, "$");
    for (unsigned i = 0; i < PACKET_MAX + 1; i++)
        FEED(p, "a");
    assert_int_equal(FEED(p, "#00"), PACKET_TOO_LONG);
    assert_int_equal(FEED(p, "$g#67"), PACKET_DATA);
    free(p);
}

static void frame(void **state)
{
    uint8_t out[4096];
    char in[1000], back[2000];
    size_t n = packet_frame("OK", 2, out);
    assert_memory_equal(out, "$OK#9a", n);
    n = packet_frame("0000", 4, out);
    assert_memory_equal(out, "$0* #7a", n); /* the manual's example */
    /* Runs of every length, and bytes that need an escape in between. */
    for (unsigned len = 1; len < 300; len++)
        for (unsigned c = 0; c < 256; c += c < '0' ? 1 : 37) {
            memset(in, (int)c, len);
            in[len] = '}';
            in[len + 1] = (char)c;
            n = packet_frame(in, len + 2, out);
            const char *p = (const char *)out;
            assert_true(n <= packet_frame_room(len + 2));
            assert_int_equal(unframe(&p, p + n, back, sizeof back), len + 2);
            assert_memory_equal(back, in, len + 2);
        }
}

/* ---------------------------------------------------------------- sessions */

struct fixture {
    struct timeline *tl;
    struct gdbstub *g;
    struct client c;
    char reply[PACKET_MAX + 1];
};

static int setup_of(void **state, uint32_t rounds)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    f->tl = guest_timeline(rounds);
    if (!f->tl)
        return -1;
    f->g = gdbstub_new(f->tl);
    *state = f;
    return 0;
}
static int setup(void **state)
{
    return setup_of(state, ROUNDS);
}
static int setup_long(void **state)
{
    return setup_of(state, LONG_ROUNDS);
}
static int teardown(void **state)
{
    struct fixture *f = *state;
    gdbstub_free(f->g);
    timeline_close(f->tl);
    free(f->c.out.s);
    free(f);
    return 0;
}

/* Sends bytes and vanishes. */
static enum gdbstub_end raw(struct fixture *f, const void *in, size_t n, size_t piece)
{
    free(f->c.out.s);
    f->c = (struct client){.in = in, .n = n, .piece = piece, .deaf = f->c.deaf};
    return client_run(&f->c, f->g);
}

/* As gdb frames: without run lengths. Contents have nothing to escape. */
static size_t plain_frame(const char *s, char *out)
{
    uint8_t sum = 0;
    for (const char *p = s; *p; p++)
        sum += (uint8_t)*p;
    return (size_t)sprintf(out, "$%s#%02x", s, sum);
}

/* A session of packets, separated by blanks; returns the reply to the last. */
static const char *ask(struct fixture *f, const char *packets)
{
    struct text in = {0};
    char frame[PACKET_MAX + 8];
    char *copy = mem_string(packets), *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        plain_frame(word, frame);
        text_add(&in, "+%s", frame);
    }
    raw(f, in.s, in.n, 7);
    free(copy);
    free(in.s);
    const char *p = f->c.out.s, *end = p + f->c.out.n;
    strcpy(f->reply, "none");
    while (p && unframe(&p, end, f->reply, sizeof f->reply) >= 0)
        continue;
    return f->reply;
}

#define HAS(f, packets, text) assert_non_null(strstr(ask(f, packets), text))
#define IS(f, packets, text)  assert_string_equal(ask(f, packets), text)

static void queries(void **state)
{
    struct fixture *f = *state;
    HAS(f, "qSupported:xmlRegisters=i386", "ReverseStep+;ReverseContinue+");
    assert_null(strstr(f->reply, "multiprocess+"));
    assert_null(strstr(f->reply, "swbreak+"));
    HAS(f, "qSupported:multiprocess+;swbreak+;hwbreak+", ";multiprocess+;swbreak+;hwbreak+");
    IS(f, "vMustReplyEmpty", "");
    IS(f, "qTStatus", "");
    IS(f, "vCont?", "vCont;c;C;s;S;t;r");
    IS(f, "qC", "QC1");
    IS(f, "qSupported:multiprocess+ qC", "QCp1.1");
    IS(f, "qfThreadInfo", "m1");
    IS(f, "qsThreadInfo", "l");
    IS(f, "T1", "OK");
    IS(f, "T2", "E02");
    IS(f, "Hg9", "E22");
    IS(f, "Hgp1.1", "OK");
    IS(f, "Hc-1", "OK");
    HAS(f, "qXfer:features:read:target.xml:0,fff", "<architecture>i8086</architecture>");
    HAS(f, "qXfer:memory-map:read::0,fff", "<memory type=\"ram\"");
    HAS(f, "qXfer:threads:read::0,fff", "<thread id=\"1\"");
    IS(f, "qXfer:features:read:other.xml:0,fff", "E00");
    IS(f, "qXfer:features:read:target.xml:fffffff,10", "l");
    IS(f, "qXfer:features:read:target.xml:0,0", "m");
    IS(f, "QStartNoAckMode", "OK");
    IS(f, "qAttached:1", "1");
}

static void moves(void **state)
{
    struct fixture *f = *state;
    HAS(f, "?", "T05thread:1;");
    HAS(f, "bs", "replaylog:begin;");
    HAS(f, "bc", "replaylog:begin;");
    HAS(f, "vCont;s:1", "T05");
    assert_int_equal(timeline_icount(f->tl), 1);
    HAS(f, "s s", "T05");
    assert_int_equal(timeline_icount(f->tl), 3);
    HAS(f, "bs", "T05");
    assert_int_equal(timeline_icount(f->tl), 2);
    HAS(f, "Z0,7c0a,1 vCont;c", "T05");
    assert_null(strstr(f->reply, "swbreak"));
    assert_int_equal(timeline_icount(f->tl), 3);
    HAS(f, "qSupported:swbreak+ Z0,7c0a,1 vCont;c", "swbreak:;");
    assert_int_equal(timeline_icount(f->tl), 5);
    HAS(f, "qSupported:hwbreak+ Z1,7c0a,1 bc", "hwbreak:;");
    assert_int_equal(timeline_icount(f->tl), 3);
    /* What a client leaves is gone with it. */
    HAS(f, "c", "replaylog:end;");
    assert_int_equal(timeline_icount(f->tl), STEPS);
    HAS(f, "Z2,500,2 bc", "watch:500;");
    assert_int_equal(timeline_icount(f->tl), STEPS - 3);
    HAS(f, "Z2,500,2 z2,500,2 bc", "replaylog:begin;");
    HAS(f, "Z4,501,1 c", "awatch:501;");
    assert_int_equal(timeline_icount(f->tl), 4);
    HAS(f, "Z3,500,2 bs", "rwatch:500;");
    /* A range: as long as the pc stays in it. */
    HAS(f, "vCont;r7c00,7c0a:1", "T05");
    assert_int_equal(timeline_icount(f->tl), 4);
    HAS(f, "R0 ?", "T05");
    assert_int_equal(timeline_icount(f->tl), 0);
    HAS(f, "vCont;r7c00,7c0a:1", "T05");
    assert_int_equal(timeline_icount(f->tl), 3);
}

static void looks(void **state)
{
    struct fixture *f = *state;
    IS(f, "m7c00,4", "31c08ed8");
    IS(f, "m7c00,0", "");
    IS(f, "p8", "007c000000000000"); /* eip: 64 bits wide */
    const char *all = ask(f, "g");
    assert_memory_equal(all + 2 * 32, "007c000000000000", 16);
    IS(f, "P8=0b7c000000000000 p8", "0b7c000000000000");
    assert_true(timeline_diverted(f->tl));
    struct error err;
    assert_int_equal(timeline_undivert(f->tl, &err), 0);
    IS(f, "m500,2", "0000");
    IS(f, "M500,2:0000", "OK"); /* nothing changes: nothing diverts */
    assert_false(timeline_diverted(f->tl));
    IS(f, "M500,2:3412 m500,2", "3412");
    assert_true(timeline_diverted(f->tl));
    assert_int_equal(timeline_undivert(f->tl, &err), 0);
    IS(f, "m500,2", "0000");
}

/* Packets with a space behind each; the first one is empty. */
static const char nonsense_packets[] =
    " m m, m1 m1, m1,1, mx,1 m1,x m10000000000000000,1 "
    "M M1,1 M1,1: M1,2:00 M1,1:zz Mffffffffffffffff,2:0000 X X1,5:ab p pfff p-1 "
    "P P1 P1= P1=00 Pffff=00000000 G G00 "
    "Z Z0 Z0, Z0,1 Z5,1,1 Z9,1,1 Z2,1,0 Z2,ffffffffffffffff,2 Z0,x,1 z z0 Z0,1,1;X "
    "H Hg Hx1 Hgp Hgp2.1 Hgp1. T Tx "
    "vCont; vCont;x vCont;s:9 vCont;s:p2.1 vCont;r vCont;r1 vCont;r1, vContx vCont;C "
    "vCont;Czz vCont;c; "
    "qXfer:features:read:target.xml: qXfer:features:read:target.xml:0 "
    "qXfer:features:read:target.xml:x,1 qXfer:features:read: "
    "qXfer:features:read:target.xml:ffffffffffffffff,ffffffffffffffff "
    "qXfer:exec-file:read:1:0,10 qXfer:exec-file:read qXfer:exec-file:read: "
    "vFile: vFile:open: vFile:open:zz,0,0 vFile:open:2f,0,0 vFile:pread: "
    "vFile:pread:0,0,0 vFile:pread:ffffffff,1,1 vFile:fstat:9 vFile:nothing:1 "
    "qRcmd, qRcmd,0 qRcmd,zz qThreadExtraInfo, qThreadExtraInfo,9 "
    "qSearch:memory: qSearch:memory:0; qSearch:memory:0;10; qSearch:memory:x;10;a J "
    "qSupported qSupported:;;;; vKil QStartNoAckModeX !x ";

/* Each is answered by an error or by nothing, changes nothing, and the session goes on. */
static void nonsense(void **state)
{
    struct fixture *f = *state;
    char both[200];
    char packet[100];
    for (const char *next = nonsense_packets; *next; next += strlen(packet) + 1) {
        snprintf(packet, sizeof packet, "%.*s", (int)strcspn(next, " "), next);
        snprintf(both, sizeof both, "%s qC", packet);
        IS(f, both, "QC1");
        assert_int_equal(timeline_icount(f->tl), 0);
        assert_false(timeline_diverted(f->tl));
        const char *a = ask(f, packet);
        bool quiet = !*a || *a == 'E' || *a == 'F' || !strcmp(a, "0") || !strcmp(a, "l") ||
                     !strncmp(a, "OK", 2) || !strncmp(a, "PacketSize", 10);
        if (!quiet)
            fail_msg("%s: answered by %s", packet, a);
    }
}

/* Addresses that wrap, or that the mode does not have. */
static void edges(void **state)
{
    struct fixture *f = *state;
    IS(f, "mffffffffffffffff,10", "E14");
    IS(f, "m100007c00,4", "E14"); /* 7C00h, if the upper half were dropped */
    IS(f, "mfffffffffffffff0,20", "E14");
    IS(f, "m200000,4", "E14"); /* beyond 2 MiB of memory */
    IS(f, "m1ffffe,8", "0000");
    IS(f, "M1ffffe,4:01020304", "E14");
    IS(f, "m1ffffe,2", "0000"); /* all or nothing */
    assert_false(timeline_diverted(f->tl));
    /* A breakpoint and a watchpoint at the last address are allowed, and harmless. */
    HAS(f, "Z0,ffffffffffffffff,1 Z2,ffffffffffffffff,1 c", "replaylog:end");
    HAS(f, "m0,ffffffffffffffff", "0000");
    IS(f, "qSearch:memory:0;fffffff;\xfe\xed\xfe", "E14");
    IS(f, "qSearch:memory:7c00;100;\x31\xc0", "1,7c00");
}

static void many_points(void **state)
{
    struct fixture *f = *state;
    struct text in = {0};
    for (unsigned i = 0; i < 1000; i++)
        text_add(&in, "Z0,%x,1 Z0,%x,1 Z2,%x,4 ", 0x10000 + i, 0x10000 + i, 0x20000 + 8 * i);
    text_add(&in, "vCont;c");
    HAS(f, in.s, "replaylog:end");
    free(in.s);
    HAS(f, "bc", "replaylog:begin");
}

/* Conditions at 7C0Ah, in both directions: of the counter (the word at 500h), which counts up from 0 there, and of ecx, which counts down. */
#define COUNTER_IS_7 "X8,2305001822071327"
#define ECX_IS_990   "Xa,2600012a202303de1327"
#define NEVER        "X3,220027"
#define NO_MEMORY    "X7,24ffffffff1827"

static void conditions(void **state)
{
    struct fixture *f = *state;
    HAS(f, "qSupported", "ConditionalBreakpoints+");
    HAS(f, "qSupported:swbreak+ Z0,7c0a,1;" COUNTER_IS_7 " c", "swbreak:;");
    assert_int_equal(timeline_icount(f->tl), 3 + 2 * 7);
    HAS(f, "Z1,7c0a,1;" ECX_IS_990 COUNTER_IS_7 " c", "T05");
    assert_int_equal(timeline_icount(f->tl), 3 + 2 * 10);
    HAS(f, "Z1,7c0a,1;" ECX_IS_990 COUNTER_IS_7 " bc", "T05");
    assert_int_equal(timeline_icount(f->tl), 3 + 2 * 7);
    HAS(f, "Z0,7c0a,1;" COUNTER_IS_7 " bc", "replaylog:begin");
    /* The present conditions count, and any of two breakpoints. */
    HAS(f, "Z0,7c0a,1 Z0,7c0a,1;" NEVER " c", "replaylog:end");
    HAS(f, "Z0,7c0a,1;" NEVER " Z0,7c0a,1 bc", "T05");
    assert_int_equal(timeline_icount(f->tl), STEPS - 3);
    HAS(f, "Z0,7c0a,1;" NEVER " Z1,7c0a,1 bc", "T05");
    assert_int_equal(timeline_icount(f->tl), STEPS - 5);
    HAS(f, "Z0,7c0a,1;" NEVER " z0,7c0a,1;" NEVER " Z1,7c0a,1;" NEVER " bs bs", "T05");
    assert_int_equal(timeline_icount(f->tl), STEPS - 7);
    /* What cannot be evaluated is true, and so is code that does not end. */
    HAS(f, "Z0,7c0a,1;" NO_MEMORY " bc", "T05");
    assert_int_equal(timeline_icount(f->tl), STEPS - 9);
    HAS(f, "Z0,7c0a,1;X3,210000 bc", "T05");
    assert_int_equal(timeline_icount(f->tl), STEPS - 11);
    for (const char *const *w =
             (const char *const[]){"Z0,1,1;X", "Z0,1,1;X1", "Z0,1,1;X1,", "Z0,1,1;X1,2", "Z0,1,1;X2,27",
                                   "Z0,1,1;X0,", "Z0,1,1;X1,27X", "Z2,1,1;X1,27", "Z0,1,1;X1,zz",
                                   "Z0,1,1;Xffffffffffffffff,27", NULL};
         *w; w++)
        IS(f, *w, "E22");
}

static void transport_trouble(void **state)
{
    struct fixture *f = *state;
    char frame[64];
    /* A wrong checksum is asked for again; a reply that was not understood is sent again. */
    raw(f, "$?#00$?#3f", 10, 1);
    assert_memory_equal(f->c.out.s, "-+$T05", 6);
    raw(f, "$qC#b4--", 8, 100);
    assert_string_equal(f->c.out.s, "+$QC1#c5$QC1#c5$QC1#c5");
    /* The first packet was sent again before there was a reply. */
    raw(f, "$qSupported#37$qSupported#37+$qC#b4", 35, 100);
    assert_memory_equal(f->c.out.s, "++$PacketSize", 13);
    assert_string_equal(strrchr(f->c.out.s, '$'), "$QC1#c5");
    assert_null(strstr(strstr(f->c.out.s, "PacketSize") + 1, "PacketSize"));
    /* Without acknowledgements it is an error. */
    raw(f, "$QStartNoAckMode#b0$?#00$qC#b4", 30, 3);
    assert_string_equal(f->c.out.s, "+$OK#9a$E.the packet's checksum is wrong#a2$QC1#c5");
    /* Half a packet, and gone; gone at once; cannot be written to. */
    assert_int_equal(raw(f, "$m7c00", 6, 2), GDBSTUB_GONE);
    assert_int_equal(raw(f, "", 0, 1), GDBSTUB_GONE);
    f->c.deaf = true;
    assert_int_equal(raw(f, "$?#3f$?#3f", 10, 10), GDBSTUB_GONE);
    f->c.deaf = false;
    /* The next packet does not follow from the half one. */
    IS(f, "qC", "QC1");
    assert_int_equal(raw(f, frame, plain_frame("D", frame), 1), GDBSTUB_DETACHED);
    assert_int_equal(raw(f, frame, plain_frame("k", frame), 1), GDBSTUB_KILLED);
    assert_int_equal(raw(f, frame, plain_frame("vKill;1", frame), 1), GDBSTUB_KILLED);
    /* `run` in an extended session is a kill, and a start on the same connection; without the latter it was killed. */
    HAS(f, "! s s vKill;1 vRun;", "T05");
    assert_int_equal(timeline_icount(f->tl), 0);
    static const char extended[] = "$!#21$vKill;1#6e";
    assert_int_equal(raw(f, extended, sizeof extended - 1, 100), GDBSTUB_KILLED);
}

/* As rbreak sets them. */
static void many_breakpoints(void **state)
{
    struct fixture *f = *state;
    struct text packets = {0};
    for (unsigned i = 0; i < 2000; i++)
        text_add(&packets, "Z0,%x,1 ", 0x10000 + i);
    text_add(&packets, "Z0,%x,1 vCont;c", GUEST_LOOP);
    HAS(f, packets.s, "T05");
    assert_int_equal(timeline_icount(f->tl), 3);
    free(packets.s);
    struct timeline_stop stop;
    assert_false(timeline_stop_get(f->tl, 0, &stop, NULL)); /* gone with the session */
}

static void flood(void **state)
{
    struct fixture *f = *state;
    enum { N = 300000 };
    char *in = mem_alloc(N);
    for (size_t i = 0; i < N; i++)
        in[i] = "$qC#b4+"[i % 7];
    assert_int_equal(raw(f, in, N, 60000), GDBSTUB_GONE);
    assert_true(f->c.out.n > N);
    for (size_t i = 0; i < N; i++)
        in[i] = (char)(i * 2654435761u >> 13);
    raw(f, in, N, 1000);
    memset(in, '$', N);
    raw(f, in, N, 4096);
    memset(in, 3, N);
    raw(f, in, N, 4096);
    free(in);
    IS(f, "qC", "QC1");
}

static void monitor(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {"when",
                                        "help",
                                        "seek 100",
                                        "seek",
                                        "seek 99999999999",
                                        "mark a",
                                        "mark",
                                        "marks",
                                        "stages",
                                        "events 5 pio",
                                        "events -3",
                                        "explain",
                                        "explain 1",
                                        "explain #1",
                                        "explain 99999999999",
                                        "explain pio",
                                        "explain bogus",
                                        "last pio",
                                        "next",
                                        "last bogus",
                                        "regs",
                                        "regs system",
                                        "regs x",
                                        "info",
                                        "info pic",
                                        "info x",
                                        "screen",
                                        "stops",
                                        "break-event pio",
                                        "break-physical 0x7c11",
                                        "watch-physical 0x7c11 2",
                                        "watch-physical 0x7c11 0",
                                        "watch-physical",
                                        "unbreak 1",
                                        "unbreak 77",
                                        "last-write 0x500 2",
                                        "last-write",
                                        "divert",
                                        "undo",
                                        "undo",
                                        "pc offset",
                                        "pc linear",
                                        "pc x",
                                        "physical on",
                                        "physical off",
                                        "stats",
                                        "symbols",
                                        "try nothing",
                                        "live 1ms",
                                        "input serial0 a\\n",
                                        "undo",
                                        "processes",
                                        "firmware",
                                        "firmware handles",
                                        "firmware variables",
                                        "firmware x",
                                        "",
                                        "   ",
                                        "s",
                                        "unmark a",
                                        "unmark a"};
    char packet[300];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        memcpy(packet, "qRcmd,", 6);
        hex_encode(lines[i], strlen(lines[i]), packet + 6);
        packet[6 + 2 * strlen(lines[i])] = 0;
        const char *a = ask(f, packet);
        if (strcmp(a, "OK") && strcmp(a, "E14"))
            fail_msg("monitor %s: answered by %s", lines[i], a);
    }
    IS(f, "qRcmd,7365656b20313030", "OK"); /* seek 100 */
    assert_int_equal(timeline_icount(f->tl), 100);
    HAS(f, "p8", "7c");
    IS(f, "qRcmd,7365656b2078", "E14"); /* seek x */
}

/* Ctrl-C while it runs, forwards and backwards; what was sent after it is not lost. */
static void interrupt(void **state)
{
    struct fixture *f = *state;
    /* A watchpoint that nothing touches: so there is something to look for on the way. */
    static const char forth[] = "$Z2,600,4#ae$vCont;c#a8\x03$qC#b4", back[] = "$Z2,600,4#ae$bc#c5\x03";
    raw(f, forth, sizeof forth - 1, 100);
    assert_non_null(strstr(f->c.out.s, "$T02"));
    assert_non_null(strstr(f->c.out.s, "$QC1"));
    struct timeline_stopped s;
    struct error err;
    assert_true(timeline_icount(f->tl) < 2 * LONG_ROUNDS);
    assert_int_equal(timeline_to_end(f->tl, &s, &err), 0);
    raw(f, back, sizeof back - 1, 100);
    assert_non_null(strstr(f->c.out.s, "$T02"));
    assert_true(timeline_icount(f->tl) > 0);
}

/* One that comes between two short runs stops the next one before it begins, once; but not if gdb has shown the stop before. */
static void interrupt_between(void **state)
{
    struct fixture *f = *state;
    static const char early[] = "\x03$qC#b4$s#73$s#73", backwards[] = "\x03$bs#d5",
                      late[] = "\x03$qfThreadInfo#bb$s#73";
    raw(f, early, sizeof early - 1, 100);
    const char *first = strstr(f->c.out.s, "$T");
    assert_non_null(strstr(f->c.out.s, "$QC1"));
    assert_memory_equal(first, "$T02", 4);
    assert_memory_equal(strstr(first + 1, "$T"), "$T05", 4);
    assert_int_equal(timeline_icount(f->tl), 1);
    raw(f, backwards, sizeof backwards - 1, 100);
    assert_non_null(strstr(f->c.out.s, "$T02"));
    assert_int_equal(timeline_icount(f->tl), 1);
    raw(f, late, sizeof late - 1, 100);
    assert_null(strstr(f->c.out.s, "$T02"));
    assert_int_equal(timeline_icount(f->tl), 2);
}

/* gdb forgets a monitor command at a Ctrl-C without a word. What it sends next is answered then, and not the
 * command; and if the Ctrl-C comes here as well, the reply is all that comes of it. */
static void interrupted_monitor(void **state)
{
    struct fixture *f = *state;
    struct timeline_stopped s;
    struct error err;
    char frame[200], line[100] = "qRcmd,";
    static const char search[] = "last-write 0x600 4";
    hex_encode(search, strlen(search), line + 6);
    line[6 + 2 * strlen(search)] = 0;
    size_t n = plain_frame(line, frame);
    n += plain_frame("qC", frame + n);
    assert_int_equal(timeline_to_end(f->tl, &s, &err), 0);
    raw(f, frame, n, 100);
    assert_non_null(strstr(f->c.out.s, "+$QC1#c5"));
    assert_null(strstr(f->c.out.s, "$OK"));
    assert_null(strstr(f->c.out.s, "$E"));
    assert_true(timeline_icount(f->tl) > 0);
}

/* ---------------------------------------------------------------- TCP */

struct server {
    struct gdbstub *g;
    int port[2]; /* a pipe: the number comes through it */
    int rc;
};

static void on_ready(void *ctx, const char *address)
{
    struct server *s = ctx;
    int port = atoi(strrchr(address, ':') + 1);
    assert_int_equal(write(s->port[1], &port, sizeof port), sizeof port);
}

static void *serve(void *ctx)
{
    struct server *s = ctx;
    struct error err;
    s->rc = gdbstub_listen(s->g, "127.0.0.1:0", false, on_ready, s, &err);
    return NULL;
}

static int dial(int port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void talk(int fd, const char *send_this, const char *want)
{
    char buf[100];
    size_t n = 0;
    assert_int_equal(write(fd, send_this, strlen(send_this)), strlen(send_this));
    while (n < strlen(want)) {
        ssize_t got = read(fd, buf + n, sizeof buf - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
    buf[n] = 0;
    assert_string_equal(buf, want);
}

static void tcp(void **state)
{
    struct fixture *f = *state;
    struct server s = {.g = f->g};
    pthread_t thread;
    int port;
    assert_int_equal(pipe(s.port), 0);
    pthread_create(&thread, NULL, serve, &s);
    assert_int_equal(read(s.port[0], &port, sizeof port), sizeof port);
    int fd = dial(port);
    talk(fd, "$qC#b4", "+$QC1#c5");
    talk(fd, "$D#44", "+$OK#9a");
    close(fd);
    fd = dial(port); /* again, with half a packet, and gone */
    assert_int_equal(write(fd, "$vCont", 6), 6);
    close(fd);
    fd = dial(port); /* two at once: the second waits until the first has gone, as if nobody had been there */
    talk(fd, "$qC#b4", "+$QC1#c5");
    int second = dial(port);
    struct pollfd waiting = {.fd = second, .events = POLLIN};
    assert_int_equal(write(second, "$qC#b4", 6), 6);
    assert_int_equal(poll(&waiting, 1, 100), 0);
    close(fd);
    talk(second, "", "+$QC1#c5");
    /* If it does not go, the other is turned away, and has not disturbed it. */
    char nothing;
    int third = dial(port);
    assert_int_equal(read(third, &nothing, 1), 0);
    close(third);
    talk(second, "$qC#b4", "+$QC1#c5");
    close(second);
    fd = dial(port);
    assert_int_equal(write(fd, "$k#6b", 5), 5);
    pthread_join(thread, NULL);
    assert_int_equal(s.rc, 0);
    close(fd);
    /* And gdbstub_stop ends the waiting. */
    pthread_create(&thread, NULL, serve, &s);
    assert_int_equal(read(s.port[0], &port, sizeof port), sizeof port);
    gdbstub_stop(f->g);
    pthread_join(thread, NULL);
    assert_int_equal(s.rc, 0);
    close(s.port[0]);
    close(s.port[1]);
}

static void bad_addresses(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const char *const bad[] = {
        "", "1234", "127.0.0.1:", "127.0.0.1:notaport", "127.0.0.1:-1", "127.0.0.1:99999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gdbstub_listen(f->g, bad[i], true, NULL, NULL, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(frame),
        cmocka_unit_test_setup_teardown(queries, setup, teardown),
        cmocka_unit_test_setup_teardown(moves, setup, teardown),
        cmocka_unit_test_setup_teardown(looks, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
        cmocka_unit_test_setup_teardown(edges, setup, teardown),
        cmocka_unit_test_setup_teardown(many_points, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(transport_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(many_breakpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(flood, setup, teardown),
        cmocka_unit_test_setup_teardown(monitor, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupt, setup_long, teardown),
        cmocka_unit_test_setup_teardown(interrupt_between, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupted_monitor, setup_long, teardown),
        cmocka_unit_test_setup_teardown(tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_addresses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
