/* platform_acpi.c - ACPI tables (ACPI specification 6.4, 5.2.5 to 5.2.10). See private/platform_lists.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/views/private/platform_lists.h"

enum { HEADER = 36, RSDP1 = 20, RSDP2 = 36, TABLES_MAX = 512, TABLE_MAX = 16 << 20, SEEN = 64 };

static bool is_rsdp(const struct platform_memory *p, uint64_t physical, const uint8_t head[64])
{
    (void)p, (void)physical;
    return !memcmp(head, "RSD PTR ", 8) && platform_sum_is_zero(head, RSDP1) &&
           (head[15] < 2 || platform_sum_is_zero(head, RSDP2));
}

struct lister {
    const struct platform_memory *p;
    struct platform_rows *rows;
    struct {
        char signature[4];
        unsigned n;
    } seen[SEEN]; /* for names of files: ssdt1.dat */
    unsigned nseen;
};

static unsigned ordinal(struct lister *l, const uint8_t *signature)
{
    for (unsigned i = 0; i < l->nseen; i++)
        if (!memcmp(l->seen[i].signature, signature, 4))
            return ++l->seen[i].n;
    if (l->nseen == SEEN)
        return SEEN;
    memcpy(l->seen[l->nseen].signature, signature, 4);
    l->seen[l->nseen++].n = 1;
    return 1;
}

static void lower_name(const uint8_t *signature, char name[5])
{
    for (unsigned i = 0; i < 4; i++)
        name[i] = isalnum(signature[i]) ? (char)tolower(signature[i]) : '_';
    name[4] = 0;
}

/* As acpixtract names it: dsdt.dat, ssdt1.dat … */
static void name_file(struct lister *l, struct platform_row *r, const uint8_t *bytes, size_t n)
{
    char name[5];
    const unsigned k = ordinal(l, bytes);
    lower_name(bytes, name);
    if (!memcmp(bytes, "SSDT", 4) || k > 1)
        platform_file(r, bytes, n, "%s%u.dat", name, k);
    else
        platform_file(r, bytes, n, "%s.dat", name);
}

static void add_row(struct lister *l, uint64_t at, const uint8_t *bytes, size_t n, bool header)
{
    struct platform_row *r = platform_row(l->rows);
    platform_text(r, "name", "%.4s", (const char *)bytes);
    platform_hex(r, "address", at);
    platform_number(r, "length", n);
    platform_block(l->rows, at, n, header ? 9 : 0, "%.4s", (const char *)bytes);
    name_file(l, r, bytes, n);
    if (!header)
        return;
    platform_number(r, "revision", bytes[8]);
    platform_text(r, "checksum", "%s", platform_sum_is_zero(bytes, n) ? "ok" : "wrong");
    platform_text(r, "oem", "%.6s", (const char *)bytes + 10);
    platform_text(r, "table", "%.8s", (const char *)bytes + 16);
    platform_text(r, "creator", "%.4s", (const char *)bytes + 28);
}

static uint64_t number(const uint8_t *bytes, size_t n, size_t at, unsigned size)
{
    uint64_t v = 0;
    if (at + size <= n)
        memcpy(&v, bytes + at, size);
    return v;
}

static void add_table(struct lister *l, uint64_t at, bool header);

/* The fixed table names two more: the newer, wider address of each counts. */
static void add_from_fadt(struct lister *l, const uint8_t *bytes, size_t n)
{
    enum { FACS = 36, DSDT = 40, X_FACS = 132, X_DSDT = 140 };
    const uint64_t facs = number(bytes, n, X_FACS, 8), dsdt = number(bytes, n, X_DSDT, 8);
    add_table(l, dsdt ? dsdt : number(bytes, n, DSDT, 4), true);
    add_table(l, facs ? facs : number(bytes, n, FACS, 4), false);
}

static void add_table(struct lister *l, uint64_t at, bool header)
{
    const uint64_t n = platform_read(l->p, at + 4, 4);
    uint8_t *bytes = at && n >= (header ? HEADER : 8) && n <= TABLE_MAX && l->rows->n < TABLES_MAX
                         ? platform_copy(l->p, at, n)
                         : NULL;
    if (!bytes)
        return;
    add_row(l, at, bytes, n, header);
    if (!memcmp(bytes, "FACP", 4))
        add_from_fadt(l, bytes, n);
    free(bytes);
}

/* The root table, and those that it names by addresses of so many bytes. */
static void add_root(struct lister *l, uint64_t at, unsigned width)
{
    const uint64_t n = platform_read(l->p, at + 4, 4);
    add_table(l, at, true);
    for (uint64_t i = HEADER; i + width <= n && i < HEADER + (uint64_t)TABLES_MAX * width; i += width)
        add_table(l, platform_read(l->p, at + i, width), true);
}

int platform_acpi(const struct platform_memory *p, struct platform_rows *rows, struct error *err)
{
    struct lister l = {.p = p, .rows = rows};
    uint64_t at;
    if (!platform_find(p, is_rsdp, true, &at))
        return error_set(
            err, "no ACPI tables (no RSDP) are in memory at icount %llu: give another position with --at",
            (unsigned long long)look_icount(p->m));
    const bool wide = platform_read(p, at + 15, 1) >= 2;
    const uint64_t xsdt = wide ? platform_read(p, at + 24, 8) : 0;
    uint8_t *bytes = platform_copy(p, at, wide ? RSDP2 : RSDP1);
    if (bytes) {
        struct platform_row *r = platform_row(rows);
        platform_block(rows, at, wide ? RSDP2 : RSDP1, 8, "RSDP");
        platform_text(r, "name", "RSDP");
        platform_hex(r, "address", at);
        platform_number(r, "length", wide ? RSDP2 : RSDP1);
        platform_number(r, "revision", bytes[15]);
        platform_text(r, "checksum", "ok");
        platform_text(r, "oem", "%.6s", (const char *)bytes + 9);
        platform_file(r, bytes, wide ? RSDP2 : RSDP1, "rsdp.dat");
    }
    free(bytes);
    if (xsdt)
        add_root(&l, xsdt, 8);
    else
        add_root(&l, platform_read(p, at + 16, 4), 4);
    return 0;
}
