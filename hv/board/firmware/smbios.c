/* smbios.c - the SMBIOS structures: the description of the machine that firmware passes on.
 *
 * Source: DMTF DSP0134 (SMBIOS reference specification) 2.8: 5.2.1 entry point, 7 structure definitions.
 * Everything follows from the configuration; serial numbers and the UUID are absent. */
#include "hv/board/firmware/tables.h"
#include "hv/board/internal.h"
#include "hv/board/kinds.h"

#include <stdio.h>
#include <string.h>

enum { ANCHOR = 31 };

struct table {
    struct blob *out;
    size_t at; /* of the current structure */
    unsigned strings;
    unsigned count;
    size_t largest;
};

static void begin(struct table *t, uint8_t type, uint8_t length, uint16_t handle)
{
    t->at = blob_add(t->out, NULL, length);
    t->out->data[t->at] = type;
    t->out->data[t->at + 1] = length;
    blob_set(t->out, t->at + 2, 2, handle);
    t->strings = 0;
}

static void set(struct table *t, unsigned offset, unsigned width, uint64_t value)
{
    blob_set(t->out, t->at + offset, width, value);
}

/* Adds a string. Strings follow the structure, and its fields hold their numbers, from 1. */
static void string(struct table *t, unsigned offset, const char *text)
{
    blob_add(t->out, text, strlen(text) + 1);
    set(t, offset, 1, ++t->strings);
}

static void end(struct table *t)
{
    blob_add(t->out, NULL, t->strings ? 1 : 2);
    t->count++;
    if (t->out->size - t->at > t->largest)
        t->largest = t->out->size - t->at;
}

static void bios_information(struct table *t)
{
    begin(t, 0, 24, 0);
    set(t, 6, 2, 0xe800);      /* start segment */
    set(t, 10, 8, 0x08);       /* characteristics are not supported */
    set(t, 19, 1, 0x04);       /* targeted content distribution */
    set(t, 20, 4, 0xffff0000); /* release 0.0; no embedded controller */
    string(t, 4, "bootreel");
    string(t, 5, "1");
    string(t, 8, "01/01/2020");
    end(t);
}

static void system_information(struct table *t, const struct board *b)
{
    begin(t, 1, 27, 0x100);
    set(t, 24, 1, 6); /* woken by the power switch */
    string(t, 4, "bootreel");
    string(t, 5, b->kind->product);
    string(t, 6, "1");
    end(t);
}

static void chassis(struct table *t)
{
    begin(t, 3, 22, 0x300);
    set(t, 5, 1, 1);          /* other */
    set(t, 9, 4, 0x02030303); /* boot-up, power supply and thermal state safe; security unknown */
    string(t, 4, "bootreel");
    string(t, 6, "1");
    end(t);
}

/* The one package. */
static void processor(struct table *t, unsigned cores)
{
    enum { UNKNOWN = 1 << 1, MULTI_CORE = 1 << 3 };
    begin(t, 4, 42, 0x400);
    set(t, 5, 1, 3);                   /* central processor */
    set(t, 6, 1, 1);                   /* family: other */
    set(t, 0x18, 1, 0x41);             /* socket populated, enabled */
    set(t, 0x19, 1, 1);                /* upgrade: other */
    set(t, 0x1a, 6, 0xffffffffffff);   /* no cache information */
    set(t, 0x23, 3, 0x010101 * cores); /* cores, enabled cores, threads */
    set(t, 0x26, 2, cores > 1 ? MULTI_CORE : UNKNOWN);
    set(t, 0x28, 2, 1); /* family 2 */
    string(t, 4, "CPU 0");
    string(t, 7, "bootreel");
    end(t);
}

static void memory_array(struct table *t, uint64_t bytes)
{
    begin(t, 16, 23, 0x1000);
    set(t, 4, 1, 1); /* location: other */
    set(t, 5, 1, 3); /* system memory */
    set(t, 6, 1, 6); /* error correction: multi-bit */
    set(t, 7, 4, bytes >> 10);
    set(t, 11, 2, 0xfffe); /* no error information */
    set(t, 13, 2, 1);
    end(t);
}

static void memory_device(struct table *t, uint64_t bytes)
{
    uint64_t mib = bytes >> 20;
    begin(t, 17, 40, 0x1100); /* the length in SMBIOS 2.8; voltages are unknown */
    set(t, 4, 2, 0x1000);
    set(t, 6, 2, 0xfffe);
    set(t, 8, 4, 0xffffffff); /* widths unknown */
    set(t, 12, 2, mib < 0x7fff ? mib : 0x7fff);
    set(t, 14, 1, 9); /* DIMM */
    set(t, 18, 1, 7); /* RAM */
    set(t, 19, 2, 2); /* type detail: other */
    if (mib >= 0x7fff)
        set(t, 0x1c, 4, mib);
    string(t, 16, "DIMM 0");
    end(t);
}

static void memory_range(struct table *t, uint16_t handle, uint64_t start, uint64_t bytes)
{
    begin(t, 19, 31, handle);
    set(t, 4, 4, start >> 10);
    set(t, 8, 4, ((start + bytes) >> 10) - 1);
    set(t, 12, 2, 0x1000);
    set(t, 14, 1, 1);
    end(t);
}

static void last_ones(struct table *t)
{
    begin(t, 32, 11, 0x2000); /* boot information: no errors */
    end(t);
    begin(t, 127, 4, 0x7f00);
    end(t);
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;
    while (n--)
        s += *p++;
    return s;
}

/* The checksums are valid for a structure table at `address`; firmware that moves it recomputes them. */
static void anchor(const struct table *t, uint32_t address, struct blob *out)
{
    blob_add(out, NULL, ANCHOR);
    uint8_t *p = out->data;
    memcpy(p, "_SM_", 4);
    p[5] = ANCHOR;
    p[6] = 2;
    p[7] = 8;
    blob_set(out, 8, 2, t->largest);
    memcpy(p + 16, "_DMI_", 5);
    blob_set(out, 22, 2, t->out->size);
    blob_set(out, 24, 4, address);
    blob_set(out, 28, 2, t->count);
    p[30] = 0x28;
    p[21] = (uint8_t)-sum(p + 16, 15);
    p[4] = (uint8_t)-sum(p, ANCHOR);
}

static void structures(struct board *b, bool bios, struct table *t)
{
    uint64_t total = b->ram_low + b->ram_high;
    if (bios)
        bios_information(t);
    system_information(t, b);
    chassis(t);
    processor(t, board_cpus(b));
    memory_array(t, total);
    memory_device(t, total);
    memory_range(t, 0x1300, 0, b->ram_low);
    if (b->ram_high)
        memory_range(t, 0x1301, 0x100000000ull, b->ram_high);
    last_ones(t);
}

void smbios_build(struct board *b, bool bios, struct blob *out, struct blob *entry)
{
    struct table t = {.out = out};
    structures(b, bios, &t);
    anchor(&t, 0, entry);
}

void smbios_install(struct board *b, uint64_t where)
{
    struct blob out = {0}, entry = {0};
    struct table t = {.out = &out};
    uint64_t at = where + 32;
    structures(b, true, &t);
    anchor(&t, (uint32_t)at, &entry);
    physmem_write(b->mem, where, entry.data, entry.size);
    physmem_write(b->mem, at, out.data, out.size);
    blob_free(&out);
    blob_free(&entry);
}
