/* ctf.h - structures as the Compact C Type Format of FreeBSD's kernels has them. Private to core/symbols/.
 *
 * They are in the section .SUNW_ctf, which ctfconvert(1) and ctfmerge(1) write: version 2 (up to FreeBSD 13)
 * or 3. GNU's libctf reads only its own, later versions.
 */
#ifndef BOOTREEL_CORE_SYMBOLS_CTF_H
#define BOOTREEL_CORE_SYMBOLS_CTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ctf_input {
    const void *data; /* the section */
    size_t size;
    const char *names; /* the ELF file's string table, which a name may be in; may be NULL */
    size_t names_size;
    unsigned word; /* bytes of a pointer */
};

/* Offset and size are in bytes; size 0: not known. The texts are valid during the call only. */
typedef void ctf_member_fn(void *ctx, const char *structure, const char *name, uint64_t offset,
                           uint64_t size);

/* Calls fn for each member of the structures of these names (the list ends with NULL), and of anonymous
 * structures in them, but not for bit-fields. Of several structures with the same name the first counts. The
 * section of a module, which continues the kernel's, gives none. -1 with err if the section is damaged, or of
 * another version. */
int ctf_members(const struct ctf_input *in, const char *const *structures, ctf_member_fn *fn, void *ctx,
                struct error *err);

#endif
