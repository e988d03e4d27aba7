/* version.c - bootreel --version: what scripts and reports of faults need to know. */
#include <archive.h>
#include <bpf/libbpf.h>
/* capstone 5 has an enum of the name of the kernel's struct. */
#define bpf_insn capstone_bpf_insn
#include <capstone/capstone.h>
#undef bpf_insn
#include <elfutils/libdwfl.h>
#include <ext2fs/ext2fs.h>
#include <libnbd.h>
#include <lz4.h>
#include <lzma.h>
#include <png.h>
#include <protobuf-c/protobuf-c.h>
#include <slirp/libslirp.h>
#include <sqlite3.h>
#include <string.h>
#include <xxhash.h>
#include <yajl/yajl_version.h>
#include <zlib.h>
#include <zstd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/release.h"
#include "tui/tui.h"

/* A number that has the version's parts as decimal digits, `base` for each. */
static void add_digits(struct text *text, const char *name, unsigned n, unsigned base)
{
    text_add(text, ", %s %u.%u.%u", name, n / base / base, n / base % base, n % base);
}

static void add_libnbd(struct text *text)
{
    struct nbd_handle *h = nbd_create();
    if (h)
        text_add(text, ", libnbd %s", nbd_get_version(h));
    nbd_close(h);
}

/* The libraries that the program runs with, which need not be those that it was built with. */
static void add_libraries(struct text *text)
{
    int major, minor;
    const char *ext2;
    const unsigned capstone = cs_version(&major, &minor);
    ext2fs_get_library_version(&ext2, NULL);
    text_add(text, "capstone %u.%u", capstone >> 8, capstone & 0xff);
    text_add(text, ", elfutils %s", dwfl_version(NULL));
    text_add(text, ", ext2fs %s", ext2);
    text_add(text, ", %s", archive_version_string());
    text_add(text, ", libbpf %s", libbpf_version_string() + strspn(libbpf_version_string(), "v"));
    text_add(text, ", liblzma %s", lzma_version_string());
    add_libnbd(text);
    add_digits(text, "libpng", png_access_version_number(), 100);
    text_add(text, ", libslirp %s", slirp_version_string());
    text_add(text, ", lz4 %s", LZ4_versionString());
    text_add(text, ", %s", tui_library());
    text_add(text, ", protobuf-c %s", protobuf_c_version());
    text_add(text, ", sqlite %s", sqlite3_libversion());
    add_digits(text, "xxhash", XXH_versionNumber(), 100);
    add_digits(text, "yajl", (unsigned)yajl_version(), 100);
    text_add(text, ", zlib %s", zlibVersion());
    text_add(text, ", zstd %s", ZSTD_versionString());
}

const char *program_version(void)
{
    return BOOTREEL_VERSION;
}

int print_version(const struct engines *engines)
{
    struct text text = {0};
    text_add(&text, "bootreel %s (trace format %d", program_version(), TRACE_VERSION);
    for (unsigned i = 0; i < ENGINES; i++)
        text_add(&text, ", engine %s behaviour %u", engines->kind[i].name, engines->kind[i].behaviour);
    text_add(&text, ")\nlibraries: ");
    add_libraries(&text);
    out_words(stdout, text.s);
    out_char(stdout, '\n');
    free(text.s);
    return finish_output(EXIT_DONE);
}
