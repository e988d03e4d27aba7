/* commands.c - the packets that gdb sends, as a table. GDB manual, "Packets" and "General Query Packets". */
#include <inttypes.h>

#include "gdbstub/impl.h"

/* ---------------------------------------------------------------- replies */

void reply_bytes(struct gdbstub *g, const void *data, size_t n)
{
    struct reply *r = &g->reply;
    if (n > PACKET_MAX - r->n) {
        r->full = true;
        return;
    }
    memcpy(r->s + r->n, data, n);
    r->n += n;
}

void reply_text(struct gdbstub *g, const char *fmt, ...)
{
    char buf[600];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    reply_bytes(g, buf, (size_t)n < sizeof buf ? (size_t)n : sizeof buf - 1);
}

void reply_hex(struct gdbstub *g, const void *data, size_t n)
{
    struct reply *r = &g->reply;
    if (n > (PACKET_MAX - r->n) / 2) {
        r->full = true;
        return;
    }
    hex_encode(data, n, r->s + r->n);
    r->n += 2 * n;
}

void reply_error(struct gdbstub *g, int error)
{
    g->reply.n = 0;
    reply_text(g, "E%02d", error);
}

void reply_fail(struct gdbstub *g, const char *fmt, ...)
{
    char buf[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    g->reply.n = 0;
    reply_text(g, "E.%s", buf);
}

void reply_piece(struct gdbstub *g, const char *request, const void *data, size_t n)
{
    uint64_t offset, length;
    if (!hex_number(&request, &offset) || *request++ != ',' || !hex_number(&request, &length) || *request) {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    /* Room for the reply even if every byte were escaped. */
    if (length > PACKET_MAX / 2)
        length = PACKET_MAX / 2;
    if (offset > n)
        offset = n;
    if (length > n - offset)
        length = n - offset;
    reply_text(g, "%c", offset + length < n ? 'm' : 'l');
    reply_bytes(g, (const char *)data + offset, (size_t)length);
}

/* After a Ctrl-C gdb leaves a monitor command at the next packet that arrives, which must be the reply. */
void say_bytes(struct gdbstub *g, const void *data, size_t n)
{
    enum { PIECE = 1000 };
    char packet[1 + 2 * PIECE];
    const uint8_t *from = data;
    if (g->monitoring && (g->asked || g->abandoned))
        return;
    for (size_t part; n; n -= part, from += part) {
        part = n < PIECE ? n : PIECE;
        packet[0] = 'O';
        hex_encode(from, part, packet + 1);
        stub_send(g, packet, 1 + 2 * part);
    }
}

void say_text(struct gdbstub *g, const char *text, size_t n)
{
    struct text t = {0};
    text_escape(&t, ESCAPE_LINES, text, n);
    say_bytes(g, t.s, t.n);
    free(t.s);
}

void say(struct gdbstub *g, const char *fmt, ...)
{
    struct text t = {0};
    va_list ap;
    va_start(ap, fmt);
    text_print_list(&t, fmt, ap);
    va_end(ap);
    say_bytes(g, t.s, t.n);
    free(t.s);
}

/* ---------------------------------------------------------------- the session */

static bool offers(const char *features, const char *name)
{
    size_t n = strlen(name);
    for (const char *f = features; f; f = strpbrk(f, ":;"), f = f ? f + 1 : NULL)
        if (!strncmp(f, name, n) && (!f[n] || f[n] == ';'))
            return true;
    return false;
}

static void gdb_supported(struct gdbstub *g, const char *args)
{
    g->multiprocess = offers(args, "multiprocess+");
    g->swbreak = offers(args, "swbreak+");
    g->hwbreak = offers(args, "hwbreak+");
    g->exec_events = offers(args, "exec-events+");
    reply_text(
        g,
        "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;qXfer:memory-map:read+;"
        "vContSupported+;ReverseStep+;ReverseContinue+;ConditionalBreakpoints+",
        PACKET_MAX);
    if (stub_has_symbols(g))
        reply_text(g, ";qXfer:exec-file:read+");
    if (g->multiprocess)
        reply_text(g, ";multiprocess+");
    if (g->swbreak)
        reply_text(g, ";swbreak+");
    if (g->hwbreak)
        reply_text(g, ";hwbreak+");
    if (g->exec_events)
        reply_text(g, ";exec-events+");
}

static void gdb_no_ack(struct gdbstub *g, const char *args)
{
    g->no_ack = true;
    reply_text(g, "OK");
}

static void gdb_extended(struct gdbstub *g, const char *args)
{
    g->extended = true;
    reply_text(g, "OK");
}

static void end(struct gdbstub *g, enum gdbstub_end how)
{
    g->end = how;
    g->over = true;
}

static void gdb_detach(struct gdbstub *g, const char *args)
{
    end(g, GDBSTUB_DETACHED);
    reply_text(g, "OK");
}

static void gdb_kill(struct gdbstub *g, const char *args)
{
    if (*args) /* vKill;PID; a plain k has no reply */
        reply_text(g, "OK");
    if (*args && g->extended)
        g->killed = true; /* `run` is a kill, and a vRun on the same connection */
    else
        end(g, GDBSTUB_KILLED);
}

/* `run` with extended-remote: start again from the reset vector. */
static bool restart(struct gdbstub *g)
{
    struct timeline_stopped s;
    struct error err;
    if (timeline_undivert(g->tl, &err) || timeline_seek(g->tl, 0, &s, &err)) {
        reply_fail(g, "%s", err.text);
        return false;
    }
    g->killed = false;
    stop_here(g);
    return true;
}

static void gdb_run(struct gdbstub *g, const char *args)
{
    if (restart(g))
        gdb_why(g, "");
}

static void gdb_restart(struct gdbstub *g, const char *args)
{
    restart(g);
    g->reply.n = 0; /* R has no reply */
}

static void gdb_attached(struct gdbstub *g, const char *args)
{
    reply_text(g, "1"); /* so gdb detaches when it ends, and does not kill */
}

static void gdb_ok(struct gdbstub *g, const char *args)
{
    reply_text(g, "OK");
}

static void gdb_actions(struct gdbstub *g, const char *args)
{
    reply_text(g, "vCont;c;C;s;S;t;r");
}

/* ---------------------------------------------------------------- target.xml */

/* When gdb reads it from its beginning, the layout of registers becomes that of the present mode. */
static void gdb_features(struct gdbstub *g, const char *args)
{
    static const char name[] = "target.xml:";
    if (strncmp(args, name, strlen(name))) {
        reply_text(g, "E00");
        return;
    }
    args += strlen(name);
    const char *offset = args;
    uint64_t at;
    if (!g->xml.s || (hex_number(&offset, &at) && !at)) {
        free(g->xml.s);
        g->xml.s = target_xml(g, g->cpu_g);
        g->xml.n = strlen(g->xml.s);
        g->layout = layout_for(g, g->cpu_g);
    }
    reply_piece(g, args, g->xml.s, g->xml.n);
}

/* ---------------------------------------------------------------- the table */

struct command {
    const char *name; /* what the packet begins with; the rest are its arguments */
    void (*fn)(struct gdbstub *g, const char *args);
    bool exact; /* nothing follows */
};

/* The first row that matches is used. A packet that matches none gets the empty reply, which means
 * "unknown". */
static const struct command commands[] = {
    {"qSupported", gdb_supported, false},
    {"QStartNoAckMode", gdb_no_ack, true},
    {"vCont?", gdb_actions, true},
    {"vCont", gdb_resume, false},
    {"bc", gdb_back_continue, true},
    {"bs", gdb_back_step, true},
    {"g", gdb_regs_get, true},
    {"G", gdb_regs_set, false},
    {"p", gdb_reg_get, false},
    {"P", gdb_reg_set, false},
    {"m", gdb_memory_get, false},
    {"M", gdb_memory_set, false},
    {"X", gdb_memory_set_binary, false},
    {"Z", gdb_point_set, false},
    {"z", gdb_point_remove, false},
    {"?", gdb_why, true},
    {"H", gdb_thread_select, false},
    {"T", gdb_thread_alive, false},
    {"c", gdb_continue, false},
    {"C", gdb_continue, false},
    {"s", gdb_step, false},
    {"S", gdb_step, false},
    {"qXfer:features:read:", gdb_features, false},
    {"qXfer:threads:read::", gdb_threads, false},
    {"qXfer:memory-map:read::", gdb_memory_map, false},
    {"qXfer:exec-file:read:", gdb_exec_file, false},
    {"vFile:", gdb_file, false},
    {"qRcmd,", gdb_monitor, false},
    {"qSearch:memory:", gdb_memory_search, false},
    {"qfThreadInfo", gdb_thread_list, true},
    {"qsThreadInfo", gdb_thread_list_end, true},
    {"qThreadExtraInfo,", gdb_thread_extra, false},
    {"qC", gdb_thread_current, true},
    {"qAttached", gdb_attached, false},
    {"qSymbol:", gdb_ok, false},
    {"D", gdb_detach, false},
    {"k", gdb_kill, true},
    {"vKill", gdb_kill, false},
    {"vRun", gdb_run, false},
    {"vAttach", gdb_run, false},
    {"R", gdb_restart, false},
    {"!", gdb_extended, true},
};

static const struct command *find(const char *packet)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        size_t n = strlen(commands[i].name);
        if (!strncmp(packet, commands[i].name, n) && (!commands[i].exact || !packet[n]))
            return &commands[i];
    }
    return NULL;
}

bool command_execute(struct gdbstub *g)
{
    const char *packet = (const char *)g->parser.data;
    const struct command *c = find(packet);
    g->reply.n = 0;
    g->reply.full = g->abandoned = false;
    stub_tasks_follow(g);
    if (c)
        c->fn(g, packet + strlen(c->name));
    if (g->reply.full) {
        g->reply.full = false;
        reply_fail(g, "the answer does not fit into a packet");
    }
    g->began = 0;
    if (g->abandoned)
        return false;
    return !c || (strcmp(c->name, "k") && strcmp(c->name, "R"));
}
