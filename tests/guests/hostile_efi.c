/* hostile_efi.c - an application for UEFI that leaves hostile texts (hostile.h) wherever firmware keeps texts: names and values of variables,
 * boot options, SMBIOS strings, the console. */
#include "hostile.h"

typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

enum { TEXT_MOST = 128 };
struct guid {
    u32 a;
    u16 b, c;
    u8 d[8];
};
struct text {
    void *reset;
    u64 (*put)(struct text *, const u16 *);
};
struct runtime {
    char before[88];
    u64 (*set_variable)(const u16 *name, const struct guid *, u32 attributes, u64 n, const void *data);
};
struct boot {
    char before[192];
    u64 (*install_table)(const struct guid *, void *table);
};
struct system {
    char header[24];
    u16 *vendor;
    u32 revision, pad;
    void *in_handle, *in, *out_handle;
    struct text *out;
    void *error_handle, *error;
    struct runtime *runtime;
    struct boot *boot;
};

int _fltused; /* the linker asks for it */

void *memset(void *to, int byte, u64 n)
{
    for (volatile u8 *p = to; n; n--)
        *p++ = (u8)byte;
    return to;
}

/* UTF-8 as it should be, with surrogates; any other byte is a character of Latin-1. */
static unsigned widen(const char *from, u16 *to)
{
    unsigned n = 0;
    for (const u8 *p = (const u8 *)from; *p && n < TEXT_MOST - 1; p++)
        if ((p[0] & 0xf0) == 0xe0 && p[1] && p[2]) {
            to[n++] = (u16)(p[0] << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f));
            p += 2;
        } else if ((p[0] & 0xe0) == 0xc0 && (p[1] & 0xc0) == 0x80) {
            to[n++] = (u16)((p[0] & 0x1f) << 6 | (p[1] & 0x3f));
            p++;
        } else {
            to[n++] = *p;
        }
    to[n] = 0;
    return n;
}

static unsigned length(const char *s)
{
    unsigned n = 0;
    while (s[n])
        n++;
    return n;
}

/* ---------------------------------------------------------------- variables */

static const struct guid own = {0xb007ee15, 0xbad0, 0x4bad, {1, 2, 3, 4, 5, 6, 7, 8}};
static const struct guid global = {0x8be4df61, 0x93ca, 0x11d2, {0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c}};

/* EFI_LOAD_OPTION: attributes, length of its device path, description, the end of the path. */
static void put_boot_option(struct system *st, unsigned i, const u16 *text, unsigned n)
{
    static const u8 end[] = {0x7f, 0xff, 4, 0};
    const char *digits = "0123456789ABCDEF";
    const u16 name[] = {'B', 'o', 'o', 't', '7', '7', digits[i / 16], digits[i % 16], 0};
    u8 option[6 + 2 * TEXT_MOST + sizeof end] = {1, 0, 0, 0, sizeof end, 0};
    for (unsigned k = 0; k <= n; k++) {
        option[6 + 2 * k] = (u8)text[k];
        option[7 + 2 * k] = (u8)(text[k] >> 8);
    }
    for (unsigned k = 0; k < sizeof end; k++)
        option[8 + 2 * n + k] = end[k];
    st->runtime->set_variable(name, &global, 7, 8 + 2 * n + sizeof end, option);
}

static void put_variables(struct system *st)
{
    for (unsigned i = 0; i < HOSTILE; i++) {
        u16 text[TEXT_MOST];
        const unsigned n = widen(hostile[i], text);
        st->runtime->set_variable(text, &own, 7, length(hostile[i]), hostile[i]);
        put_boot_option(st, i, text, n);
        st->out->put(st->out, text);
        st->out->put(st->out, (const u16[]){'\r', '\n', 0});
    }
}

/* ---------------------------------------------------------------- SMBIOS */

static u8 tables[8192];
static struct {
    u8 anchor[5], sum, length, major, minor, revision, entry, reserved;
    u32 size;
    u64 address;
} __attribute__((packed)) entry = {{'_', 'S', 'M', '3', '_'}, 0, sizeof entry, 3, 6, 0, 1, 0, 0, 0};

/* A structure whose text fields, from `at` on, are numbers of strings; then its strings. */
static u8 *put_structure(u8 *p, u8 type, u8 size, unsigned at, unsigned texts, unsigned first, unsigned strings)
{
    static u16 handle;
    p[0] = type;
    p[1] = size;
    p[2] = (u8)handle++;
    for (unsigned i = 0; i < texts; i++)
        p[at + i] = (u8)(i + 1);
    p += size;
    for (unsigned i = 0; i < strings; i++)
        for (const char *s = hostile[(first + i) % HOSTILE];; s++) {
            *p++ = (u8)*s;
            if (!*s)
                break;
        }
    *p++ = 0;
    if (!strings)
        *p++ = 0;
    return p;
}

static void put_smbios(struct system *st)
{
    static const struct guid smbios3 = {0xf2fd1544, 0x9794, 0x4a2c, {0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94}};
    u8 *p = tables, sum = 0;
    for (unsigned first = 0; first < HOSTILE; first += 4) {
        p = put_structure(p, 1, 27, 4, 4, first, 4); /* system */
        p = put_structure(p, 2, 15, 4, 4, first, 4); /* board */
        p = put_structure(p, 3, 22, 6, 3, first, 4); /* chassis */
    }
    p = put_structure(p, 11, 5, 4, 0, 0, HOSTILE); /* OEM strings */
    p = put_structure(p, 127, 4, 4, 0, 0, 0);
    entry.size = (u32)(p - tables);
    entry.address = (u64)tables;
    for (unsigned i = 0; i < sizeof entry; i++)
        sum = (u8)(sum + ((u8 *)&entry)[i]);
    entry.sum = (u8)-sum;
    st->boot->install_table(&smbios3, &entry);
}

u64 efi_main(void *image, struct system *st)
{
    put_variables(st);
    put_smbios(st);
    for (volatile u64 forever = 1; forever;)
        ;
    return 0;
}
