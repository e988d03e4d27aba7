/* file.c - files as the kernel itself knows them: what a system call has opened, and which file the blocks of a disk are read or written
 * for. For kernels with BTF. See impl.h. */
#include "base/text.h"
#include "core/systems/linux/private/impl.h"

enum { NAME = 256, PATH_PARTS = 64, DEVICE_NAME = 32 };

/* ---------------------------------------------------------------- names */

/* Adds "/usr/lib/x": the names from the root down to a dentry. Where a file system ends it goes on in the one that it is mounted in, if
 * `mount` (struct vfsmount) says which; 0: that is not known, the path is the one in the file system. False if it is no path. */
static bool add_path(struct linux_guest *lx, struct text *out, uint64_t dentry, uint64_t vfsmount)
{
    const struct linux_types *t = &lx->types;
    uint64_t part[PATH_PARTS];
    unsigned n = 0;
    bool mounts = t->mount_vfs >= 0 && t->mount_parent >= 0 && t->mount_point >= 0 && t->mount_root >= 0;
    while (dentry && n < PATH_PARTS) {
        uint64_t parent = lx_member(lx, dentry, t->dentry_parent);
        bool top =
            parent == dentry || (mounts && vfsmount && lx_member(lx, vfsmount, t->mount_root) == dentry);
        if (!top) {
            part[n++] = dentry;
            dentry = parent;
            continue;
        }
        uint64_t mount = mounts && vfsmount ? vfsmount - (unsigned)t->mount_vfs : 0;
        uint64_t above = lx_member(lx, mount, t->mount_parent);
        if (!mount || !above || above == mount)
            break;
        dentry = lx_member(lx, mount, t->mount_point);
        vfsmount = above + (unsigned)t->mount_vfs;
    }
    if (!dentry || n == PATH_PARTS)
        return false;
    text_add(out, n ? "" : "/");
    while (n--) {
        char name[NAME];
        lx_string(lx, lx_member(lx, part[n], t->dentry_name), name, sizeof name);
        text_add(out, "/%s", name);
    }
    return true;
}

bool lx_file_path(struct linux_guest *lx, uint64_t file, struct text *out)
{
    return add_path(lx, out, lx_member(lx, file, lx->types.file_dentry),
                    lx_member(lx, file, lx->types.file_mount));
}

/* "ext4 sda1": the file system's type and its name of itself. */
static void add_file_system(struct linux_guest *lx, struct text *out, uint64_t sb)
{
    const struct linux_types *t = &lx->types;
    char type[DEVICE_NAME], id[DEVICE_NAME];
    lx_string(lx, lx_member(lx, lx_member(lx, sb, t->sb_type), t->type_name), type, sizeof type);
    lx_string(lx, t->sb_id >= 0 ? sb + (unsigned)t->sb_id : 0, id, sizeof id);
    text_add(out, "%s %s ", *type ? type : "?", *id ? id : "?");
}

/* ---------------------------------------------------------------- opened */

static void opened(struct linux_guest *lx, uint64_t file, int64_t fd)
{
    const struct linux_types *t = &lx->types;
    uint64_t inode = lx_member(lx, file, t->file_inode), sb = lx_member(lx, inode, t->inode_sb);
    uint64_t dentry = lx_member(lx, file, t->file_dentry);
    struct text s = {0};
    if (!sb || !dentry)
        return;
    add_file_system(lx, &s, sb);
    if (add_path(lx, &s, dentry, lx_member(lx, file, t->file_mount)))
        GUEST_EMIT(lx, EV_FILE_OPENED, s.s, lx_current_pid(lx), (uint64_t)fd, lx_member32(lx, sb, t->sb_dev),
                   lx_member(lx, inode, t->inode_number));
    free(s.s);
}

void lx_file_opened(struct linux_guest *lx, uint64_t fd)
{
    const struct linux_types *t = &lx->types;
    uint64_t files = lx_member(lx, lx_current(lx), t->task_files), fdt = lx_member(lx, files, t->files_fdt);
    if (!fdt || t->fdt_max < 0 || t->fdt_fd < 0 || fd >= lx_member32(lx, fdt, t->fdt_max))
        return;
    opened(lx, lx_word(lx, lx_member(lx, fdt, t->fdt_fd) + fd * lx->base.word), (int64_t)fd);
}

void lx_file_executed(struct linux_guest *lx, uint64_t file)
{
    if (base_wants(&lx->base, EC_SYSCALL) && file)
        opened(lx, file, -1);
}

/* ---------------------------------------------------------------- blocks */

/* A page that is not the first of several that belong together says which that is. */
static uint64_t first_page(const struct linux_guest *lx, uint64_t page)
{
    uint64_t head = lx_word(lx, page + lx->base.word);
    return head & 1 && head + 1 > 1 ? head - 1 : page;
}

static void submitted(struct linux_guest *lx, struct hook_frame *f)
{
    enum { OPERATION = 0xff, READ = 0, WRITE = 1, ANONYMOUS = 3 };
    const struct linux_types *t = &lx->types;
    uint64_t bio = lx_argument(lx, 0), vec = lx_member(lx, bio, t->bio_vecs),
             bytes = lx_member32(lx, bio, t->bio_size);
    uint32_t op = lx_member32(lx, bio, t->bio_op) & OPERATION;
    if (!vec || !bytes || op > WRITE)
        return;
    uint64_t page = first_page(lx, lx_member(lx, vec, t->vec_page)),
             mapping = lx_member(lx, page, t->page_mapping);
    uint64_t inode = mapping & ANONYMOUS ? 0 : lx_member(lx, mapping, t->mapping_host);
    uint64_t sb = lx_member(lx, inode, t->inode_sb), alias = lx_member(lx, inode, t->inode_alias);
    struct text s = {0};
    if (sb)
        add_file_system(lx, &s, sb);
    if (sb && alias && t->dentry_alias >= 0)
        add_path(lx, &s, alias - (unsigned)t->dentry_alias, 0);
    GUEST_EMIT(lx, EV_FILE_BLOCKS, s.s, op == WRITE, lx_member32(lx, sb, t->sb_dev),
               lx_member(lx, inode, t->inode_number), base_member64(&lx->base, bio, t->bio_sector), bytes,
               lx_current_pid(lx));
    free(s.s);
}

void lx_file_setup(struct linux_guest *lx)
{
    const struct linux_types *t = &lx->types;
    if (!base_wants(&lx->base, EC_SYSCALL) || lx->hosted.is || !t->count || t->bio_sector < 0 ||
        t->page_mapping < 0 || t->mapping_host < 0)
        return;
    lx_hook(lx, "submit_bio", submitted, NULL);
}
