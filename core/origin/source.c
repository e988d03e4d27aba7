/* source.c - the names of sources. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/origin/private/impl.h"
#include "core/systems/efi/variable.h"
#include "core/volumes/volumes.h"

/* An image's content, as far as it was needed, and its files. */
struct seen_image {
    uint8_t *data;
    size_t size;
    bool read;
    struct volumes *volumes;
};

void link_end(struct origin_link *l, enum origin_source source, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *what = text_format_list(fmt, ap);
    va_end(ap);
    free(l->what);
    l->what = what;
    l->how = ORIGIN_ENDS;
    l->source = source;
    l->follows = -1;
}

/* ---------------------------------------------------------------- images */

enum { AROUND = 32, LEAST = 8, PAGE = 4096 };
#define IMAGE_MOST ((uint64_t)512 << 20)

void origin_sources_free(struct origin *o)
{
    origin_flash_free(o);
    for (size_t i = 0; i < o->nimages; i++) {
        free(o->image[i].data);
        volumes_free(o->image[i].volumes);
    }
    free(o->image);
}

static struct seen_image *image_of(struct origin *o, size_t i)
{
    if (!o->image) {
        o->nimages = trace_config(timeline_trace(o->tl))->nimages;
        o->image = mem_zero(o->nimages + 1, sizeof *o->image);
    }
    return &o->image[i];
}

static struct seen_image *whole_image(struct origin *o, size_t i)
{
    struct seen_image *im = image_of(o, i);
    const uint64_t n = trace_config(timeline_trace(o->tl))->images[i].size;
    if (!im->read && n <= IMAGE_MOST) {
        im->data = mem_zero(n + 1, 1);
        trace_image_known(timeline_trace(o->tl), (unsigned)i, 0, im->data, n);
        im->size = n;
    }
    im->read = true;
    return im;
}

/* Names the file that the link's bytes are of. */
static void name_file(struct origin *o, struct origin_link *l, size_t i, struct text *words)
{
    struct seen_image *im = image_of(o, i);
    struct volume_place place;
    free(l->file);
    l->file = NULL;
    if (!im->volumes)
        im->volumes = volumes_of_image(timeline_trace(o->tl), (unsigned)i);
    if (!volumes_find(im->volumes, l->offset, &place))
        return;
    l->file_at = place.at;
    text_add(words, ": byte %" PRIu64 " of %s (%s", place.at, place.path, place.system);
    text_add(words, place.partition ? ", partition %u)" : ")", place.partition);
    l->file = mem_string(place.path);
}

/* Bytes around a place in memory, within a stretch that is aligned to `unit`. */
struct window {
    uint8_t bytes[2 * AROUND];
    size_t n, at;
    bool zero;
};

static bool take_window(struct origin *o, uint64_t physical, uint64_t unit, struct window *w)
{
    const uint64_t begin = physical & ~(unit - 1), end = begin + unit;
    const uint64_t from = physical - begin < AROUND ? begin : physical - AROUND;
    const uint64_t to = end - physical < AROUND ? end : physical + AROUND;
    w->n = to - from;
    w->at = physical - from;
    w->zero = true;
    if (timeline_peek_physical(o->tl, from, w->bytes, w->n) != w->n)
        return false;
    for (size_t i = 0; i < w->n; i++)
        w->zero &= !w->bytes[i];
    return true;
}

static bool find_window(const uint8_t *data, uint64_t size, const struct window *w, uint64_t *offset)
{
    const uint8_t *p = data ? memmem(data, size, w->bytes, w->n) : NULL;
    if (p)
        *offset = (uint64_t)(p - data) + w->at;
    return p;
}

/* Looks for it in a part of an image. */
static bool find_in_part(struct trace *t, size_t image, uint64_t from, uint64_t n, const struct window *w,
                         uint64_t *offset)
{
    const uint64_t size = trace_config(t)->images[image].size, most = 64 << 20;
    if (from >= size)
        return false;
    n = n < size - from ? n : size - from;
    n = n < most ? n : most;
    uint8_t *part = mem_zero(n, 1);
    trace_image_known(t, (unsigned)image, from, part, n);
    const bool found = find_window(part, n, w, offset);
    free(part);
    *offset += found ? from : 0;
    return found;
}

/* ---------------------------------------------------------------- by a device */

enum { EVENTS_BACK = 64 };

/* The disk commands up to a position, the last first. */
static size_t commands_before(struct trace *t, uint64_t icount, struct event *list, size_t most)
{
    struct error ignored;
    struct event ev;
    uint64_t number;
    size_t n = 0;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_DISK));
    if (!trace_cursor_seek_icount(c, icount + 1, &ignored))
        while (n < most && trace_cursor_prev(c, &ev, &number, &ignored) == 1)
            if (ev.kind == EV_DISK_READ)
                list[n++] = ev;
    trace_cursor_close(c);
    return n;
}

static bool from_command(struct origin *o, struct origin_link *l, const struct event *ev,
                         const struct window *w)
{
    struct trace *t = timeline_trace(o->tl);
    const uint64_t lba = EVF(ev, DISK_READ, lba), count = EVF(ev, DISK_READ, count);
    for (size_t i = 0; i < trace_config(t)->nimages; i++) {
        const char *role = trace_config(t)->images[i].role;
        const uint64_t sector = volumes_sector(role);
        uint64_t offset;
        if (!sector || !find_in_part(t, i, lba * sector, count * sector, w, &offset))
            continue;
        struct text file = {NULL, 0};
        l->image = role;
        l->offset = offset;
        name_file(o, l, i, &file);
        link_end(l, ORIGIN_IMAGE,
                 "%s, lba %" PRIu64 " + %" PRIu64 " (byte %" PRIu64 "), read by the drive at icount %" PRIu64
                 "%s",
                 role, offset / sector, offset % sector, offset, ev->icount, file.s ? file.s : "");
        free(file.s);
        return true;
    }
    return false;
}

void source_device(struct origin *o, struct origin_link *l, uint64_t at)
{
    struct event list[EVENTS_BACK];
    struct window w;
    const size_t n = commands_before(timeline_trace(o->tl), l->icount, list, EVENTS_BACK);
    if (source_item_dma(o, l, at))
        return;
    struct timeline_stopped s;
    struct error ignored;
    if (timeline_seek(o->tl, l->icount + 1, &s, &ignored)) {
        link_end(l, ORIGIN_LOST, "the moment behind the write cannot be looked at");
        return;
    }
    if (take_window(o, at, 512, &w))
        for (size_t i = 0; i < n; i++)
            if (from_command(o, l, &list[i], &w))
                return;
    if (source_frame(o, l, at))
        return;
    link_end(l, ORIGIN_DEVICE, "written to memory by a device, not from an image that was read");
}

/* ---------------------------------------------------------------- from the beginning */

/* The part of a window with at most so many bytes before and after the place's first one. */
static struct window cut_window(const struct window *w, size_t before, size_t after)
{
    const size_t from = w->at < before ? 0 : w->at - before, left = w->n - w->at;
    struct window part = {.n = w->at - from + (left < after ? left : after), .at = w->at - from};
    memcpy(part.bytes, w->bytes + from, part.n);
    return part;
}

static bool is_rom(const char *role)
{
    return !strcmp(role, "vgabios") || strstr(role, "-rom");
}

static const char at_beginning[] = "in memory at the beginning";

/* `how`: how the bytes came to memory. */
static bool in_images(struct origin *o, struct origin_link *l, const struct window *w, const char *how)
{
    struct trace *t = timeline_trace(o->tl);
    uint64_t offset;
    for (size_t i = 0; i < trace_config(t)->nimages; i++) {
        const struct trace_image *im = &trace_config(t)->images[i];
        if (volumes_sector(im->role))
            continue;
        const struct seen_image *whole = whole_image(o, i);
        if (!find_window(whole->data, whole->size, w, &offset))
            continue;
        struct text file = {NULL, 0};
        l->image = im->role;
        l->offset = offset;
        name_file(o, l, i, &file);
        struct variable variable;
        const bool flash = !strncmp(im->role, "pflash", 6) || !strcmp(im->role, "bios");
        if (flash && variable_around(whole->data, whole->size, offset, &variable)) {
            text_add(&file, ": of the variable ");
            variable_name(&variable, &file);
        }
        if (is_rom(im->role))
            link_end(l, ORIGIN_IMAGE, "option ROM %s (%s), byte %" PRIu64, im->role, im->name, offset);
        else
            link_end(l, ORIGIN_IMAGE, "%s (%s), byte %" PRIu64 ", %s%s", im->role, im->name, offset, how,
                     file.s ? file.s : "");
        free(file.s);
        return true;
    }
    return false;
}

/* By its surroundings: all of them, or, near an end of the image, those on one side. */
static bool from_image(struct origin *o, struct origin_link *l, const struct window *w, const char *how)
{
    static const uint8_t sides[][2] = {
        {AROUND, AROUND}, {AROUND, LEAST}, {AROUND, 1}, {LEAST, AROUND}, {0, AROUND}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        const struct window part = cut_window(w, sides[i][0], sides[i][1]);
        if (part.n >= LEAST && in_images(o, l, &part, how))
            return true;
    }
    return false;
}

static bool from_setting(struct origin *o, struct origin_link *l, uint64_t physical)
{
    struct trace *t = timeline_trace(o->tl);
    uint8_t page[PAGE];
    const uint64_t from = physical & ~(uint64_t)(PAGE - 1);
    const size_t n = timeline_peek_physical(o->tl, from, page, PAGE);
    for (size_t i = 0; i < trace_config(t)->nsettings; i++) {
        const struct setting *x = &trace_config(t)->settings[i];
        const size_t len = strlen(x->value);
        for (const uint8_t *p = page; len >= 6 && (p = memmem(p, (size_t)(page + n - p), x->value, len));
             p++) {
            const uint64_t at = from + (uint64_t)(p - page);
            if (physical < at || physical > at + len)
                continue;
            link_end(l, ORIGIN_SETTING, "setting %s of the recording, character %" PRIu64, x->key,
                     physical - at);
            return true;
        }
    }
    return false;
}

/* What the host of a program wrote there in the step before the current position. */
void source_host(struct origin *o, struct origin_link *l, uint64_t at)
{
    struct window w;
    if (!take_window(o, at, PAGE, &w))
        link_end(l, ORIGIN_LOST, "no memory at that address");
    else if (w.zero)
        link_end(l, ORIGIN_POWER_ON, "zero, as the host's new pages are");
    else if (!from_image(o, l, &w, "copied by the host") && !from_setting(o, l, at))
        link_end(l, ORIGIN_DEVICE, "written by the host, not from a file of the recording");
}

/* ---- tables (ACPI 6.5, 5.2.6; SMBIOS 3.7, 5.2) ---- */

enum { TABLES_BACK = 65536, TABLE_HEADER = 36 };

static bool is_acpi(const uint8_t *p, size_t left, uint32_t *n)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 4; i++)
        if ((p[i] < 'A' || p[i] > 'Z') && (p[i] < '0' || p[i] > '9'))
            return false;
    *n = le32(p + 4);
    if (*n < TABLE_HEADER || *n > left)
        return false;
    for (uint32_t i = 0; i < *n; i++)
        sum = (uint8_t)(sum + p[i]);
    return !sum;
}

static bool from_acpi(struct origin *o, struct origin_link *l, uint64_t physical)
{
    const uint64_t from = physical > TABLES_BACK ? physical - TABLES_BACK : 0;
    uint8_t *bytes = mem_alloc(2 * TABLES_BACK);
    const size_t n = timeline_peek_physical(o->tl, from, bytes, 2 * TABLES_BACK);
    bool found = false;
    for (uint64_t at = physical - from; !found && at + 1 > 0; at--) {
        uint32_t size;
        if (at + TABLE_HEADER <= n && is_acpi(bytes + at, n - at, &size) && physical - from < at + size) {
            link_end(l, ORIGIN_TABLE, "ACPI table %.4s, byte %" PRIu64, (const char *)bytes + at,
                     physical - from - at);
            found = true;
        }
        if (!at)
            break;
    }
    free(bytes);
    return found;
}

static bool from_smbios(struct origin *o, struct origin_link *l, uint64_t physical)
{
    uint8_t p[32];
    for (uint64_t at = 0xf0000; at < 0x100000; at += 16) {
        if (timeline_peek_physical(o->tl, at, p, sizeof p) != sizeof p || memcmp(p, "_SM", 3))
            continue;
        const bool three = !memcmp(p, "_SM3_", 5);
        const uint64_t table = le32(p + (three ? 0x10 : 0x18)),
                       n = three ? le32(p + 0xc) : le32(p + 0x16) & 0xffff;
        if ((physical < table || physical >= table + n) && (physical < at || physical >= at + sizeof p))
            continue;
        link_end(l, ORIGIN_TABLE,
                 physical < at || physical >= at + sizeof p ? "SMBIOS structures" : "SMBIOS entry point");
        return true;
    }
    return false;
}

static bool from_parameters(struct origin *o, struct origin_link *l, uint64_t physical)
{
    struct event ev;
    uint64_t number;
    struct error ignored;
    struct event_filter f = {.one_kind = true, .kind = EV_BOOT_PARAMS};
    struct timeline *tl = o->tl;
    if (timeline_event_near(tl, TIMELINE_FORWARD, &f, &ev, &number, &ignored) != 1 &&
        timeline_event_near(tl, TIMELINE_BACK, &f, &ev, &number, &ignored) != 1)
        return false;
    const uint64_t at = EVF(&ev, BOOT_PARAMS, address);
    if (physical < at || physical >= at + PAGE)
        return false;
    link_end(l, ORIGIN_TABLE, "Linux boot parameters (zero page), byte 0x%" PRIx64, physical - at);
    return true;
}

void source_beginning(struct origin *o, struct origin_link *l, const struct where *w)
{
    const uint64_t at = w->physical[0];
    struct window win, now;
    struct timeline_stopped s;
    struct error ignored;
    /* A card's ROM is in memory since firmware has given it a range of addresses. */
    const bool there = take_window(o, at, PAGE, &now);
    if (timeline_seek(o->tl, l->step ? 1 : 0, &s, &ignored) || !take_window(o, at, PAGE, &win)) {
        if (there && from_image(o, l, &now, at_beginning))
            return;
        link_end(l, ORIGIN_LOST, "the machine's beginning cannot be looked at");
        return;
    }
    if (win.zero && !mem_is_zero(l->after, w->place.length)) {
        if (!there || !from_image(o, l, &now, at_beginning))
            link_end(l, ORIGIN_LOST, "zero at power-on; what has changed it since was not found");
    } else if (win.zero) {
        link_end(l, ORIGIN_POWER_ON, "zero, as memory is at power-on");
    } else if (from_setting(o, l, at) || from_parameters(o, l, at) || from_image(o, l, &win, at_beginning) ||
               from_acpi(o, l, at) || from_smbios(o, l, at)) {
        return;
    } else {
        link_end(l, ORIGIN_POWER_ON, "in memory at the beginning: left there by firmware or loader");
    }
}

/* ---------------------------------------------------------------- ports and devices' registers */

static uint64_t first_input(struct origin *o, uint16_t port, uint64_t icount, uint8_t value, bool exact,
                            bool *found)
{
    struct trace *t = timeline_trace(o->tl);
    struct error ignored;
    struct input in;
    uint64_t best = 0;
    *found = false;
    for (uint64_t i = 0; i < trace_input_count(t); i++) {
        if (trace_input(t, i, &in, &ignored) || in.icount > icount)
            break;
        if (in.port == port && (!exact || memchr(in.data, value, in.len))) {
            best = i;
            *found = true;
        }
    }
    return best;
}

/* A byte of a serial port's receiver, or of the keyboard's output buffer, that was typed. */
static bool was_typed(struct origin *o, struct origin_link *l, uint64_t port, uint64_t value)
{
    static const struct {
        uint16_t port, input;
    } ports[] = {{0x60, INPUT_KEYBOARD},
                 {0x3f8, INPUT_SERIAL0},
                 {0x2f8, INPUT_SERIAL1},
                 {0x3e8, INPUT_SERIAL2},
                 {0x2e8, INPUT_SERIAL3}};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        bool found;
        if (ports[i].port != port)
            continue;
        const uint64_t n = first_input(o, ports[i].input, l->icount, (uint8_t)value, port != 0x60, &found);
        if (!found)
            return false;
        struct input in;
        struct error ignored;
        trace_input(timeline_trace(o->tl), n, &in, &ignored);
        l->input = n;
        link_end(l, ORIGIN_INPUT, "typed: input %" PRIu64 " at icount %" PRIu64 ", port 0x%" PRIx64, n,
                 in.icount, port);
        return true;
    }
    return false;
}

static bool explained(struct origin *o, struct origin_link *l, bool port, uint64_t address, char *buf,
                      size_t size)
{
    struct event_filter f = {.one_kind = true, .kind = port ? EV_PIO_READ : EV_MMIO_READ, .n = 1};
    struct event ev;
    uint64_t number;
    struct error ignored;
    struct timeline_stopped s;
    snprintf(f.condition[0].field, sizeof f.condition[0].field, "%s", port ? "port" : "address");
    f.condition[0].low = f.condition[0].high = address;
    *buf = 0;
    if (timeline_seek(o->tl, l->icount, &s, &ignored) ||
        timeline_event_near(o->tl, TIMELINE_FORWARD, &f, &ev, &number, &ignored) != 1)
        return false;
    if (!o->explainer)
        o->explainer = trace_explainer_new(timeline_trace(o->tl), timeline_kind(o->tl));
    return o->explainer && trace_explain(o->explainer, number, buf, size, &ignored) > 0;
}

enum { SECTOR_STEPS = 600, IDE_DATA = 0x1f0, IDE_DATA_2 = 0x170 };

/* A sector that is read from an IDE drive's data port: by its bytes, when all of it has been read. */
static bool from_sector(struct origin *o, struct origin_link *l, uint64_t port)
{
    static const uint8_t sides[][2] = {{16, 16}, {0, 16}, {16, 4}};
    struct event list[EVENTS_BACK];
    struct timeline_stopped s;
    struct error ignored;
    struct window w;
    if ((port != IDE_DATA && port != IDE_DATA_2) || !l->place.memory ||
        timeline_seek(o->tl, l->icount + SECTOR_STEPS, &s, &ignored) ||
        !take_window(o, l->physical, PAGE, &w))
        return false;
    const size_t n = commands_before(timeline_trace(o->tl), l->icount, list, 2);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof sides / sizeof sides[0]; k++) {
            const struct window part = cut_window(&w, sides[k][0], sides[k][1]);
            if (part.n >= LEAST && from_command(o, l, &list[i], &part))
                return true;
        }
    return false;
}

/* A card's option ROM, which firmware copies from the range of addresses that PCI gave it: by its bytes, when some more have been copied. */
static bool from_rom(struct origin *o, struct origin_link *l)
{
    static const uint8_t sides[][2] = {{AROUND, LEAST}, {0, AROUND}, {AROUND, 1}};
    const struct trace_config *cfg = trace_config(timeline_trace(o->tl));
    struct timeline_stopped s;
    struct error ignored;
    struct window w;
    uint64_t offset;
    if (!l->place.memory || timeline_seek(o->tl, l->icount + SECTOR_STEPS, &s, &ignored) ||
        !take_window(o, l->physical, PAGE, &w))
        return false;
    for (size_t i = 0; i < cfg->nimages; i++) {
        const char *role = cfg->images[i].role;
        if (!is_rom(role))
            continue;
        const struct seen_image *whole = whole_image(o, i);
        for (size_t k = 0; k < sizeof sides / sizeof sides[0]; k++) {
            const struct window part = cut_window(&w, sides[k][0], sides[k][1]);
            if (part.n < LEAST || !find_window(whole->data, whole->size, &part, &offset))
                continue;
            l->image = role;
            l->offset = offset;
            link_end(l, ORIGIN_IMAGE, "option ROM %s (%s), byte %" PRIu64, role, cfg->images[i].name, offset);
            return true;
        }
    }
    return false;
}

void source_access(struct origin *o, struct origin_link *l, const struct moment *m, bool port,
                   uint64_t address, unsigned size, uint64_t value)
{
    char words[300];
    struct view_walk w;
    struct timeline_stopped s;
    struct error ignored;
    if (port && (source_item(o, l, address) || was_typed(o, l, address, value) || from_sector(o, l, address)))
        return;
    if (!port && !timeline_seek(o->tl, m->icount, &s, &ignored)) {
        view_walk(timeline_look(o->tl), m->cpu, address, &w);
        address = w.mapped ? w.physical : address;
    }
    if (!port && from_rom(o, l))
        return;
    const bool known = explained(o, l, port, address, words, sizeof words);
    link_end(l, ORIGIN_PORT, "%s 0x%" PRIx64 ", %u byte%s%s%s", port ? "port" : "device's register at",
             address, size, size == 1 ? "" : "s", known ? ": " : "", words);
}

/* ---------------------------------------------------------------- what a kernel unpacks */

static bool last_event(struct origin *o, uint16_t kind, enum timeline_direction dir, struct event *ev)
{
    struct event_filter f = {.one_kind = true, .kind = kind};
    uint64_t number;
    struct error ignored;
    return timeline_event_near(o->tl, dir, &f, ev, &number, &ignored) == 1;
}

bool source_stream(struct origin *o, struct origin_link *l, uint64_t physical)
{
    struct event begin, end, found, params;
    char name[300] = "";
    if (!last_event(o, EV_DECOMPRESS_BEGIN, TIMELINE_BACK, &begin) ||
        !last_event(o, EV_DECOMPRESS_END, TIMELINE_FORWARD, &end) || begin.icount > l->icount)
        return false;
    const uint64_t at = EVF(&end, DECOMPRESS_END, address);
    uint64_t n = 64 << 20;
    if (last_event(o, EV_BOOT_PARAMS, TIMELINE_BACK, &params) && EVF(&params, BOOT_PARAMS, init_size))
        n = EVF(&params, BOOT_PARAMS, init_size);
    if (physical < at || physical >= at + n)
        return false;
    if (o->symbols && last_event(o, EV_KERNEL_FOUND, TIMELINE_FORWARD, &found))
        symbols_text(o->symbols, SPACE_KERNEL,
                     EVF(&found, KERNEL_FOUND, text) + physical - EVF(&found, KERNEL_FOUND, physical),
                     found.icount + 1, name, sizeof name);
    l->offset = physical - at;
    link_end(l, ORIGIN_STREAM, "kernel, byte 0x%" PRIx64 " of what its decompressor unpacks%s%s", l->offset,
             *name ? ": " : "", name);
    return true;
}
