/* event.c - the event table, event classes, and events as text. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/escape.h"
#include "core/packets/packet.h"
#include "traces/event.h"
#include "traces/virt_words.h"
#include "traces/trace.h"

const struct event_kind event_table[EV_COUNT] = {
#define K(kind, name, type) {#name, type, true},
#define P(kind, name, type) {#name, type, false},
#define EVENT(number, id, cls, name, data, format, ...)                                                      \
    [EV_##id] = {name, cls, EVF_##id##_COUNT, {__VA_ARGS__}, data, format},
#include "traces/event_kinds.def"
#undef EVENT
#undef K
#undef P
};

/* ---------------------------------------------------------------- fields */

bool event_shares_field(unsigned other, enum event_id kind, unsigned field)
{
    const struct event_kind *a = event_kind(other), *b = &event_table[kind];
    return a && field < a->nfields && field < b->nfields &&
           !strcmp(a->field[field].name, b->field[field].name);
}

void event_wrong_kind(const struct event *ev, enum event_id kind, unsigned field)
{
    assert(!"a field is read of an event whose kind does not have it");
    abort();
}

static const struct {
    const char *name, *what;
} class_table[EC_COUNT] = {
#define CLASS(number, id, name, usual, what) [id] = {name, what},
#include "traces/event_classes.def"
#undef CLASS
};

/* ---------------------------------------------------------------- classes */

static int class_of_word(const char *word, size_t n)
{
    for (int c = 0; c < EC_COUNT; c++)
        if (strlen(class_table[c].name) == n && !memcmp(class_table[c].name, word, n))
            return c;
    return n == strlen(EVENT_IFLAG_WORD) && !memcmp(word, EVENT_IFLAG_WORD, n) ? EC_IFLAG : -1;
}

uint32_t event_classes_shown(uint32_t mask, uint32_t recorded)
{
    return mask & EVENT_CLASS_BIT(EC_CPU) ? mask | (recorded & EVENT_CLASS_BIT(EC_IFLAG)) : mask;
}

int event_class_by_name(const char *name)
{
    return class_of_word(name, strlen(name));
}

const char *event_class_name(enum event_class c)
{
    return (unsigned)c < EC_COUNT ? class_table[c].name : NULL;
}

const char *event_class_what(enum event_class c)
{
    return (unsigned)c < EC_COUNT ? class_table[c].what : NULL;
}

const char *event_class_list(void)
{
#define CLASS(number, id, name, usual, what) ", " name
    static const char all[] =
#include "traces/event_classes.def"
        ;
#undef CLASS
    return all + 2;
}

/* The mask of a class or of a set of classes ("all"). False if there is no such word. */
static bool mask_of_word(const char *word, size_t n, uint32_t *mask)
{
    static const struct {
        const char *name;
        uint32_t mask;
    } sets[] = {{"all", EVENT_CLASSES_ALL}, {"none", 0}, {"default", EVENT_CLASSES_DEFAULT}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (strlen(sets[i].name) == n && !memcmp(sets[i].name, word, n)) {
            *mask = sets[i].mask;
            return true;
        }
    int c = class_of_word(word, n);
    if (c >= 0)
        *mask = EVENT_CLASS_BIT(c);
    return c >= 0;
}

int event_classes_parse(const char *text, uint32_t base, uint32_t *mask, const char **bad)
{
    uint32_t result = *text == '-' || *text == '+' ? base : 0;
    bool fold = true;
    const char *p = text;
    for (;;) {
        bool minus = *p == '-';
        const char *word = p + (*p == '-' || *p == '+');
        size_t n = strcspn(word, ",");
        uint32_t bits;
        if (!mask_of_word(word, n, &bits)) {
            if (bad)
                *bad = p;
            return -1;
        }
        result = minus ? result & ~bits : result | bits;
        if (bits & EVENT_CLASS_BIT(EC_FOLD))
            fold = !minus;
        if (!word[n])
            break;
        p = word + n + 1;
    }
    *mask = result && fold ? result | EVENT_CLASS_BIT(EC_FOLD) : result;
    return 0;
}

/* ---------------------------------------------------------------- text */

/* An output buffer like snprintf's: counts everything, keeps what fits, always ends with NUL. */
struct out {
    char *buf;
    size_t size;
    size_t n;
    bool raw; /* data is not escaped */
    enum escape_kind kind;
};

static void out_char(struct out *o, char c)
{
    if (o->n + 1 < o->size)
        o->buf[o->n] = c;
    o->n++;
}

static void out_text(struct out *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out_char(o, s[i]);
}

static void out_hex(struct out *o, uint64_t v, unsigned digits)
{
    while (digits < 16 && v >> (4 * digits))
        digits++;
    while (digits--)
        out_char(o, "0123456789abcdef"[v >> (4 * digits) & 15]);
}

static void out_dec(struct out *o, uint64_t v)
{
    char digits[20];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        out_char(o, digits[--n]);
}

static void out_grouped(struct out *o, uint64_t v)
{
    char digits[21];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v);
    for (int i = 0; i < n; i++) {
        out_char(o, digits[i]);
        if (i + 1 < n && (n - 1 - i) % 3 == 0)
            out_char(o, ',');
    }
}

/* As base/escape.h says, or the bytes as they are, but for 0. */
static void out_data(struct out *o, const uint8_t *p, size_t n)
{
    for (size_t i = 0, len; i < n; i += len ? len : 1) {
        char escape[ESCAPE_LONGEST];
        len = o->raw ? p[i] != 0 : escape_passes(o->kind, p + i, n - i);
        escape_byte(p[i], escape);
        out_text(o, len ? (const char *)p + i : escape, len ? len : sizeof escape);
    }
}

static void out_field(struct out *o, enum event_field_type type, uint64_t v)
{
    switch (type) {
    case EFT_DEC:
        out_dec(o, v);
        break;
    case EFT_GROUPED:
        out_grouped(o, v);
        break;
    case EFT_SIGNED:
        if ((int64_t)v < 0)
            out_char(o, '-');
        out_dec(o, (int64_t)v < 0 ? -v : v);
        break;
    case EFT_NUMBER:
        if (event_field_none(type, v))
            out_text(o, "none", 4);
        else
            out_dec(o, v);
        break;
    case EFT_HEX:
    case EFT_MEMORY:
        out_text(o, "0x", 2);
        out_hex(o, v, 1);
        break;
    case EFT_BOOL:
        out_text(o, v ? "on" : "off", v ? 2 : 3);
        break;
    case EFT_CHAR: {
        uint8_t c = (uint8_t)v;
        out_data(o, &c, 1);
        break;
    }
    }
}

/* ---------------------------------------------------------------- values of a series of accesses */

static bool is_access(const struct event *ev)
{
    return ev->kind == EV_PIO_READ || ev->kind == EV_PIO_WRITE || ev->kind == EV_MMIO_READ ||
           ev->kind == EV_MMIO_WRITE;
}

unsigned event_values(const struct event *ev, uint64_t value[EVENT_VALUES])
{
    if (!is_access(ev) || !EVF(ev, PIO_READ, changes) || !EVF(ev, PIO_READ, count))
        return 0;
    uint64_t size = EVF(ev, PIO_READ, size), n = EVF(ev, PIO_READ, count) - 1;
    if (!event_keeps_values(n, size))
        return 0;
    const uint64_t packed[2] = {EVF(ev, PIO_READ, earlier), EVF(ev, PIO_READ, earlier2)};
    for (unsigned i = 0; i < n; i++) {
        value[i] = 0;
        for (unsigned k = 0; k < size; k++)
            value[i] |= (packed[(i * size + k) / 8] >> (i * size + k) % 8 * 8 & 0xff) << k * 8;
    }
    value[n] = EVF(ev, PIO_READ, value);
    return (unsigned)n + 1;
}

static void out_values(struct out *o, const struct event *ev)
{
    uint64_t value[EVENT_VALUES] = {EVF(ev, PIO_READ, value)};
    unsigned n = event_values(ev, value);
    for (unsigned i = 0; i < (n ? n : 1); i++) {
        if (i)
            out_char(o, ' ');
        out_field(o, EFT_HEX, value[i]);
    }
}

static void out_differ(struct out *o, const struct event *ev)
{
    uint64_t value[EVENT_VALUES];
    if (EVF(ev, PIO_READ, changes) && !event_values(ev, value))
        out_text(o, ", values differ", 15);
}

/* The faults that led to a triple fault. */
static void out_faults(struct out *o, const struct event *ev)
{
    const uint64_t *fault = EVF_AT(ev, TRIPLE_FAULT, first), *cr2 = EVF_AT(ev, TRIPLE_FAULT, cr2a);
    enum { PAGE_FAULT = 14 };
    for (unsigned i = 0; i < 3 && fault[1]; i++) {
        out_text(o, i ? ", then vector " : ": vector ", i ? 14 : 9);
        out_dec(o, fault[i] & 0xff);
        out_text(o, " error ", 7);
        out_field(o, EFT_HEX, fault[i] >> 8);
        if ((fault[i] & 0xff) != PAGE_FAULT)
            continue;
        out_text(o, " cr2 ", 5);
        out_field(o, EFT_HEX, cr2[i]);
    }
}

/* A frame in words, where they have room: event_text() may be asked only how long it is. */
static void out_packet(struct out *o, const struct event *ev)
{
    char *to = o->n < o->size ? o->buf + o->n : NULL;
    o->n += (size_t)packet_line(ev->data, ev->len, EVF(ev, NET_OUT, length), to, to ? o->size - o->n : 0);
}

/* ---------------------------------------------------------------- a disk's blocks */

enum event_data event_disk_data(const struct event *ev)
{
    /* By number, as event_kinds.def has them: ATA's TRIM, NVMe's Write Zeroes and Deallocate, virtio-blk's discard and write
     * zeroes, SCSI's UNMAP. Only IDE and floppy drives have a data port. */
    static const struct {
        uint64_t first;
        bool port;
        uint8_t zeroes[2];
    } drives[] = {
        {64, false, {0x42, 0x42}}, {48, false, {11, 13}},   {32, false, {0x08, 0x09}},
        {16, false, {0x06, 0x06}}, {4, true, {0xff, 0xff}}, {0, true, {0x06, 0x06}},
    };
    const uint64_t command = EVF(ev, DISK_WRITE, command);
    if (EVF(ev, DISK_WRITE, address) != UINT64_MAX)
        return EVENT_DATA_MEMORY;
    unsigned i = 0;
    while (EVF(ev, DISK_WRITE, drive) < drives[i].first)
        i++;
    if (ev->kind == EV_DISK_WRITE && (command == drives[i].zeroes[0] || command == drives[i].zeroes[1]))
        return EVENT_DATA_ZEROS;
    return drives[i].port ? EVENT_DATA_PORT : EVENT_DATA_NONE;
}

static void out_moved(struct out *o, const struct event *ev)
{
    const bool write = ev->kind == EV_DISK_WRITE;
    switch (event_disk_data(ev)) {
    case EVENT_DATA_MEMORY:
        out_text(o, write ? "from " : "to ", write ? 5 : 3);
        out_field(o, EFT_MEMORY, EVF(ev, DISK_READ, address));
        break;
    case EVENT_DATA_PORT:
        out_text(o, write ? "from the data port" : "to the data port", write ? 18 : 16);
        break;
    case EVENT_DATA_ZEROS:
        out_text(o, "as zeros", 8);
        break;
    case EVENT_DATA_NONE:
        out_text(o, "without memory", 14);
        break;
    }
}

uint64_t event_exit_code(const struct event *ev)
{
    return virt_reason_amd(EVF(ev, VIRT_EXIT, reason), EVF(ev, VIRT_EXIT, info1), EVF(ev, VIRT_EXIT, info2));
}

bool event_exit_port(const struct event *ev, uint16_t *port)
{
    return virt_reason_port(EVF(ev, VIRT_EXIT, reason), EVF(ev, VIRT_EXIT, info1), port);
}

bool event_exit_nested(const struct event *ev, uint64_t *address)
{
    return virt_reason_nested(EVF(ev, VIRT_EXIT, reason), EVF(ev, VIRT_EXIT, info2), address);
}

/* The words of a refused VMCS begin with the instruction's name: "VMLAUNCH, error 7: ...". */
bool event_is_vmx(const struct event *ev)
{
    switch (ev->kind) {
    case EV_VIRT_ENTER:
        return EVF(ev, VIRT_ENTER, asid) >> 32;
    case EV_VIRT_EXIT:
        return EVF(ev, VIRT_EXIT, reason) >= VIRT_REASON_VMX && EVF(ev, VIRT_EXIT, reason) != UINT64_MAX;
    case EV_VIRT_REFUSED:
        return ev->data && ev->len > 8 &&
               (!memcmp(ev->data, "VMLAUNCH", 8) || !memcmp(ev->data, "VMRESUME", 8));
    default:
        return false;
    }
}

const char *event_block_name(const struct event *ev)
{
    return event_is_vmx(ev) ? "VMCS" : "VMCB";
}

void event_exit_name(const struct event *ev, char *buf, size_t size)
{
    virt_reason_name(EVF(ev, VIRT_EXIT, reason), EVF(ev, VIRT_EXIT, info1), EVF(ev, VIRT_EXIT, info2), buf,
                     size);
}

void event_exit_words(const struct event *ev, char *buf, size_t size)
{
    virt_reason_words(EVF(ev, VIRT_EXIT, reason), EVF(ev, VIRT_EXIT, info1), EVF(ev, VIRT_EXIT, info2), buf,
                      size);
}

static void out_virt(struct out *o, const struct event *ev)
{
    char text[120];
    if (ev->kind == EV_VIRT_EXIT)
        event_exit_words(ev, text, sizeof text);
    else if (ev->kind == EV_VIRT_ENTER)
        snprintf(text, sizeof text, "%s %d", EVF(ev, VIRT_ENTER, asid) >> 32 ? "VPID" : "ASID",
                 (int)(uint32_t)EVF(ev, VIRT_ENTER, asid));
    else
        virt_event_words((unsigned)EVF(ev, VIRT_INJECT, type), (uint8_t)EVF(ev, VIRT_INJECT, vector),
                         EVF(ev, VIRT_INJECT, error), text, sizeof text);
    out_text(o, text, strlen(text));
}

static bool is_name(const char *name, size_t n, const char *word)
{
    return strlen(word) == n && !memcmp(word, name, n);
}

/* {name} of a format. */
static void out_name(struct out *o, const struct event_kind *k, const struct event *ev, const char *name,
                     size_t n)
{
    if (is_name(name, n, "data")) {
        out_data(o, ev->data, k->has_data ? ev->len : 0);
        return;
    }
    if (is_name(name, n, "icount")) {
        out_dec(o, ev->icount);
        return;
    }
    if ((ev->kind == EV_NET_OUT || ev->kind == EV_NET_IN) && is_name(name, n, "packet")) {
        out_packet(o, ev);
        return;
    }
    if ((ev->kind == EV_DISK_READ || ev->kind == EV_DISK_WRITE) && is_name(name, n, "moved")) {
        out_moved(o, ev);
        return;
    }
    if ((ev->kind == EV_VIRT_EXIT && is_name(name, n, "exit")) ||
        (ev->kind == EV_VIRT_ENTER && is_name(name, n, "number")) ||
        (ev->kind == EV_VIRT_INJECT && is_name(name, n, "event"))) {
        out_virt(o, ev);
        return;
    }
    if ((ev->kind == EV_VIRT_ENTER || ev->kind == EV_VIRT_REFUSED) && is_name(name, n, "block")) {
        const char *block = event_block_name(ev);
        out_text(o, block, strlen(block));
        return;
    }
    if (ev->kind == EV_VIRT_REFUSED && is_name(name, n, "by")) {
        const char *by = event_is_vmx(ev) ? "the processor" : "VMRUN";
        out_text(o, by, strlen(by));
        return;
    }
    if (ev->kind == EV_TRIPLE_FAULT && is_name(name, n, "led")) {
        out_faults(o, ev);
        return;
    }
    if (is_access(ev) && (is_name(name, n, "values") || is_name(name, n, "differ"))) {
        (*name == 'v' ? out_values : out_differ)(o, ev);
        return;
    }
    for (unsigned i = 0; i < k->nfields; i++)
        if (is_name(name, n, k->field[i].name)) {
            out_field(o, k->field[i].type, ev->f[i]);
            return;
        }
    out_text(o, name - 1, n + 2); /* not a field: shown as it is, to reveal the mistake in the row */
}

/* Texts of calls are escaped already, as C writes strings. */
static bool is_escaped(unsigned kind)
{
    return kind == EV_SYSCALL_ENTER || kind == EV_SYSCALL_EXIT || kind == EV_HOST_CALL ||
           kind == EV_HOST_RESULT;
}

static int text_of(const struct event *ev, bool raw, char *buf, size_t size)
{
    const struct event_kind *k = event_kind(ev->kind);
    struct out o = {buf, size, 0, raw, is_escaped(ev->kind) ? ESCAPE_WORDS : ESCAPE_NAME};
    if (ev->guest) {
        out_text(&o, "guest ", 6);
        out_field(&o, EFT_DEC, ev->guest);
        out_text(&o, ": ", 2);
    }
    for (const char *p = k ? k->format : "event of unknown kind"; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        if (!close) {
            out_char(&o, *p++);
            continue;
        }
        out_name(&o, k, ev, p + 1, (size_t)(close - p - 1));
        p = close + 1;
    }
    if (size)
        buf[o.n < size ? o.n : size - 1] = 0;
    return (int)o.n;
}

int event_text(const struct event *ev, char *buf, size_t size)
{
    return text_of(ev, false, buf, size);
}

int event_text_raw(const struct event *ev, char *buf, size_t size)
{
    return text_of(ev, true, buf, size);
}

/* ---------------------------------------------------------------- comparing */

static bool same_data(const struct event *a, const struct event *b)
{
    return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

bool event_same_keys(const struct event *a, const struct event *b)
{
    const struct event_kind *k = event_kind(a->kind);
    if (a->kind != b->kind || !k)
        return false;
    for (unsigned i = 0; i < k->nfields; i++)
        if (k->field[i].key && a->f[i] != b->f[i])
            return false;
    return !k->has_data || same_data(a, b);
}

uint64_t event_key_hash(const struct event *ev)
{
    const struct event_kind *k = event_kind(ev->kind);
    uint64_t h = XXH3_64bits_withSeed(NULL, 0, ev->kind);
    if (!k)
        return h;
    for (unsigned i = 0; i < k->nfields; i++)
        if (k->field[i].key)
            h = (h ^ ev->f[i]) * 0x9e3779b97f4a7c15u ^ h >> 29;
    return k->has_data && ev->len ? XXH3_64bits_withSeed(ev->data, ev->len, h) : h;
}

bool event_same(const struct event *a, const struct event *b)
{
    const struct event_kind *k = event_kind(a->kind);
    if (!k || a->kind != b->kind || a->cpu != b->cpu || a->guest != b->guest || a->icount != b->icount ||
        a->time != b->time)
        return false;
    for (unsigned i = 0; i < k->nfields; i++)
        if (a->f[i] != b->f[i])
            return false;
    return !k->has_data || a->kind == EV_CPU_LACKS || same_data(a, b);
}
