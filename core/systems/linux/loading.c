/* loading.c - what a kernel loads: its initramfs, and modules, from their files to the end of their initcalls. See impl.h.
 *
 * Sources: Linux, init/initramfs.c, kernel/module/main.c, kernel/module/signing.c, fs/kernel_read_file.c.
 */
#include <gelf.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/systems/linux/private/impl.h"

/* ---------------------------------------------------------------- files that the kernel reads */

static struct lx_read_file *read_file_of(struct linux_guest *lx, uint64_t task)
{
    for (size_t i = 0; i < lx->nread_files; i++)
        if (lx->read_files[i].task == task)
            return &lx->read_files[i];
    return NULL;
}

char *lx_take_read_file(struct linux_guest *lx)
{
    struct lx_read_file *r = read_file_of(lx, lx_current(lx));
    char *path = r ? r->path : NULL;
    if (r)
        *r = lx->read_files[--lx->nread_files];
    return path;
}

void lx_loading_free(struct linux_guest *lx)
{
    for (size_t i = 0; i < lx->nread_files; i++)
        free(lx->read_files[i].path);
    free(lx->read_files);
}

static void file_read(struct linux_guest *lx, struct hook_frame *f)
{
    struct text path = {0};
    free(lx_take_read_file(lx));
    if (!lx_file_path(lx, lx_argument(lx, 0), &path) || !path.s) {
        free(path.s);
        return;
    }
    MEM_MORE(lx->read_files, lx->nread_files);
    lx->read_files[lx->nread_files++] = (struct lx_read_file){lx_current(lx), path.s};
}

/* ---------------------------------------------------------------- the initramfs */

static const char *initramfs_name(const struct linux_guest *lx, uint64_t address)
{
    return address == lx_symbol(lx, "__initramfs_start") ? "built-in" : "initrd";
}

static void unpacks(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[0] = lx_argument(lx, 0);
    GUEST_EMIT(lx, EV_INITRAMFS, initramfs_name(lx, f->value[0]), lx_argument(lx, 1), f->value[0],
               lx_current_pid(lx));
}

/* It returns what is wrong, as a text. */
static void unpacked(struct linux_guest *lx, const struct hook_frame *f)
{
    char wrong[100], words[120];
    lx_string(lx, lx_reg(lx, GUEST_RAX), wrong, sizeof wrong);
    snprintf(words, sizeof words, "%s%s%s", initramfs_name(lx, f->value[0]), wrong[0] ? ": " : "", wrong);
    GUEST_EMIT(lx, EV_INITRAMFS_DONE, words, lx->base.time - f->time, lx_current_pid(lx));
}

/* ---------------------------------------------------------------- a module's file in memory */

enum { FILE_MAX = 256 << 20, NAME_MAX_MODULE = 64 };
enum { SIGNATURE_VERIFIED = 0, SIGNATURE_NONE = 1, SIGNATURE_IGNORED = 2 };

struct module_file {
    uint8_t *bytes;
    size_t size;
};

/* struct load_info (kernel/module/internal.h) has the file's address, and then its size, among its first members. */
static struct module_file file_of(struct linux_guest *lx, uint64_t info)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    struct module_file file = {0};
    for (unsigned i = 0; i < 4 && !file.bytes; i++) {
        uint64_t at = lx_word(lx, info + lx->base.word * (uint64_t)i);
        uint8_t head[sizeof magic];
        if (!at || !lx_read(lx, at, head, sizeof head) || memcmp(head, magic, sizeof magic) != 0)
            continue;
        file.size = lx_word(lx, info + lx->base.word * (i + 1ull));
        if (file.size < sizeof magic || file.size > FILE_MAX)
            return (struct module_file){0};
        file.bytes = mem_alloc(file.size);
        lx_read(lx, at, file.bytes, file.size);
    }
    return file;
}

static bool is_signed(const struct module_file *file)
{
    static const char marker[] = "~Module signature appended~\n";
    const size_t n = sizeof marker - 1;
    return file->size > n && !memcmp(file->bytes + file->size - n, marker, n);
}

/* "name=" among the entries of .modinfo (since 4.13), which are separated by NULs. */
static bool name_in_modinfo(const Elf_Data *d, char *name, size_t size)
{
    static const char key[] = "name=";
    const char *s = d->d_buf, *end = s + d->d_size;
    for (; s && s < end; s += strnlen(s, (size_t)(end - s)) + 1)
        if ((size_t)(end - s) > sizeof key && !strncmp(s, key, sizeof key - 1)) {
            s += sizeof key - 1;
            snprintf(name, size, "%.*s", (int)strnlen(s, (size_t)(end - s)), s);
            return name[0];
        }
    return false;
}

/* struct module itself. */
static bool name_in_structure(const struct linux_guest *lx, const Elf_Data *d, char *name, size_t size)
{
    const int at = lx->types.module_name;
    if (at < 0 || d->d_size <= (size_t)at)
        return false;
    snprintf(name, size, "%.*s", (int)strnlen((char *)d->d_buf + at, d->d_size - (size_t)at),
             (char *)d->d_buf + at);
    return name[0];
}

static void name_of(const struct linux_guest *lx, const struct module_file *file, char *name, size_t size)
{
    size_t names;
    bool found = false;
    elf_version(EV_CURRENT);
    Elf *e = file->bytes ? elf_memory((char *)file->bytes, file->size) : NULL;
    for (Elf_Scn *s = NULL; e && !found && !elf_getshdrstrndx(e, &names) && (s = elf_nextscn(e, s));) {
        GElf_Shdr h;
        const char *section = gelf_getshdr(s, &h) ? elf_strptr(e, names, h.sh_name) : NULL;
        Elf_Data *d = section ? elf_rawdata(s, NULL) : NULL;
        if (d && d->d_buf && !strcmp(section, ".modinfo"))
            found = name_in_modinfo(d, name, size);
        else if (d && d->d_buf && !strcmp(section, ".gnu.linkonce.this_module"))
            found = name_in_structure(lx, d, name, size);
    }
    if (!found)
        snprintf(name, size, "?");
    elf_end(e);
}

/* ---------------------------------------------------------------- modules */

enum { VALUE_SIGNATURE, VALUE_NAME }; /* in a frame: the name takes the other values */
_Static_assert((FRAME_VALUES - VALUE_NAME) * sizeof(uint64_t) >= NAME_MAX_MODULE, "a module's name fits");

static void load_begins(struct linux_guest *lx, struct hook_frame *f)
{
    struct module_file file = file_of(lx, lx_argument(lx, 0));
    char *name = (char *)&f->value[VALUE_NAME], *path = lx_take_read_file(lx);
    struct text words = {0};
    name_of(lx, &file, name, NAME_MAX_MODULE);
    f->value[VALUE_SIGNATURE] = is_signed(&file) ? SIGNATURE_IGNORED : SIGNATURE_NONE;
    text_add(&words, "%s%s%s", name, path ? " " : "", path ? path : "");
    GUEST_EMIT(lx, EV_MODULE_BEGIN, words.s, file.size, lx_current_pid(lx), lx_tgid(lx, lx_current(lx)));
    free(words.s);
    free(path);
    free(file.bytes);
}

static void load_ends(struct linux_guest *lx, const struct hook_frame *f)
{
    GUEST_EMIT(lx, EV_MODULE_DONE, (const char *)&f->value[VALUE_NAME],
               (uint64_t)(int64_t)(int32_t)lx_reg(lx, GUEST_RAX), f->value[VALUE_SIGNATURE],
               lx->base.time - f->time, lx_current_pid(lx));
}

static void verifies(struct linux_guest *lx, struct hook_frame *f) {}

static void verified(struct linux_guest *lx, const struct hook_frame *f)
{
    struct hook_frame *load = hook_around(lx->module_load, f->sp);
    if (load)
        load->value[VALUE_SIGNATURE] = (uint64_t)(int64_t)(int32_t)lx_reg(lx, GUEST_RAX);
}

void lx_loading_setup(struct linux_guest *lx)
{
    if (!base_wants(&lx->base, EC_KERNEL) && !base_wants(&lx->base, EC_DEVICE))
        return;
    if (lx->types.file_dentry >= 0)
        lx_hook(lx, "kernel_read_file", file_read, NULL);
    if (!base_wants(&lx->base, EC_KERNEL))
        return;
    lx_hook(lx, "unpack_to_rootfs", unpacks, unpacked);
    lx->module_load = lx_hook(lx, "load_module", load_begins, load_ends);
    if (lx->module_load)
        lx_hook(lx, "mod_verify_sig", verifies, verified);
}
