/* platform_smbios.c - SMBIOS structures (DMTF DSP0134 3.6, 5.2 and 7). See private/platform_lists.h. */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/views/private/platform_lists.h"

enum { ENTRY2 = 31, ENTRY3 = 24, STRUCTURES_MAX = 4096, TABLE_MAX = 1 << 20, FILE_TABLE = 32 };

static const char *const types[] = {
    [0] = "BIOS information",
    [1] = "System information",
    [2] = "Baseboard information",
    [3] = "Chassis",
    [4] = "Processor information",
    [7] = "Cache information",
    [8] = "Port connector information",
    [9] = "System slots",
    [11] = "OEM strings",
    [13] = "BIOS language information",
    [16] = "Physical memory array",
    [17] = "Memory device",
    [19] = "Memory array mapped address",
    [20] = "Memory device mapped address",
    [32] = "System boot information",
    [38] = "IPMI device information",
    [41] = "Onboard devices extended information",
    [127] = "End of table",
};

static const char *type_name(uint8_t type)
{
    const char *name = type < sizeof types / sizeof types[0] ? types[type] : NULL;
    return name ? name : type >= 128 ? "OEM-specific" : "other";
}

static bool is_entry2(const uint8_t *head)
{
    return !memcmp(head, "_SM_", 4) && head[5] >= 30 && head[5] <= ENTRY2 + 1 &&
           platform_sum_is_zero(head, head[5]) && !memcmp(head + 16, "_DMI_", 5);
}

static bool is_entry3(const uint8_t *head)
{
    return !memcmp(head, "_SM3_", 5) && head[6] >= ENTRY3 && head[6] <= 64 &&
           platform_sum_is_zero(head, head[6]);
}

static bool is_entry(const struct platform_memory *p, uint64_t physical, const uint8_t head[64])
{
    (void)p, (void)physical;
    return is_entry2(head) || is_entry3(head);
}

/* The bytes of a structure with its texts, from `at` on; 0 if it does not end within the table. */
static size_t structure_size(const uint8_t *table, size_t n, size_t at)
{
    if (at + 4 > n || table[at + 1] < 4 || at + table[at + 1] + 2 > n)
        return 0;
    for (size_t i = at + table[at + 1]; i + 1 < n; i++)
        if (!table[i] && !table[i + 1])
            return i + 2 - at;
    return 0;
}

static void add_structure(struct platform_rows *rows, const uint8_t *s, size_t n, uint64_t at)
{
    struct platform_row *r = platform_row(rows);
    struct text strings = {0};
    platform_number(r, "type", s[0]);
    platform_text(r, "name", "%s", type_name(s[0]));
    platform_hex(r, "handle", le16(s + 2));
    platform_hex(r, "address", at);
    platform_number(r, "length", s[1]);
    for (const char *text = (const char *)s + s[1]; (const uint8_t *)text < s + n && *text;
         text += strlen(text) + 1)
        text_add(&strings, "%s%s", strings.n ? ", " : "", text);
    platform_text(r, "strings", "%s", strings.s ? strings.s : "");
    free(strings.s);
}

/* A file as `dmidecode --dump-bin` writes it: the entry, whose table follows at 32. */
static void add_file(struct platform_row *r, uint8_t *entry, const uint8_t *table, size_t n)
{
    const bool three = is_entry3(entry);
    const size_t size = three ? entry[6] : entry[5] < FILE_TABLE ? entry[5] : FILE_TABLE;
    uint8_t *file = mem_zero(1, FILE_TABLE + n);
    const uint64_t at = FILE_TABLE;
    memcpy(file, entry, size < FILE_TABLE ? size : FILE_TABLE);
    memcpy(file + (three ? 16 : 24), &at, three ? 8 : 4);
    uint8_t *sum = three ? file + 5 : file + 21, total = 0;
    const size_t from = three ? 0 : 16, to = three ? ENTRY3 : ENTRY2;
    *sum = 0;
    for (size_t i = from; i < to; i++)
        total += file[i];
    *sum = (uint8_t)-total;
    memcpy(file + FILE_TABLE, table, n);
    platform_file(r, file, FILE_TABLE + n, "smbios.bin");
    free(file);
}

int platform_smbios(const struct platform_memory *p, struct platform_rows *rows, struct error *err)
{
    uint64_t at, table;
    size_t n, size = 0;
    if (!platform_find(p, is_entry, true, &at))
        return error_set(err,
                         "no SMBIOS entry point is in memory at icount %llu: give another position with --at",
                         (unsigned long long)look_icount(p->m));
    uint8_t *entry = platform_copy(p, at, 64), *bytes = NULL;
    const bool three = entry && is_entry3(entry);
    table = platform_read(p, at + (three ? 16 : 24), three ? 8 : 4);
    n = platform_read(p, at + (three ? 12 : 22), three ? 4 : 2);
    if (entry && n && n <= TABLE_MAX)
        bytes = platform_copy(p, table, n);
    if (!bytes) {
        free(entry);
        return error_set(err, "the SMBIOS entry point at 0x%llx names a table at 0x%llx that is not memory",
                         (unsigned long long)at, (unsigned long long)table);
    }
    platform_block(rows, at, three ? entry[6] : entry[5], three ? 5 : 4, "entry point");
    platform_block(rows, table, n, 0, "structures");
    for (size_t i = 0; rows->n < STRUCTURES_MAX && (size = structure_size(bytes, n, i)); i += size) {
        add_structure(rows, bytes + i, size, table + i);
        if (bytes[i] == 127)
            break;
    }
    if (rows->n)
        add_file(&rows->list[0], entry, bytes, n);
    free(bytes);
    free(entry);
    return 0;
}
