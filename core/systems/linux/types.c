/* types.c - where the members of the kernel's structures are, from the kernel's own BTF, or that made of its DWARF, read with
 * libbpf. See impl.h.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>

#include "core/symbols/btf_member.h"
#include "core/systems/linux/private/impl.h"

enum row_what {
    OFFSET,
    SIZE_OF,
    STRIDE,
    COUNT
}; /* of the member; of the structure; of an array: an element, how many */

static const struct row {
    size_t where; /* in struct linux_types */
    const char *type;
    const char *member; /* a.b: b of a */
    enum row_what what;
} rows[] = {
#define ROW(field, type, member, what)                                                                       \
    {                                                                                                        \
        offsetof(struct linux_types, field), type, member, what                                              \
    }
    ROW(task_pid, "task_struct", "pid", OFFSET),
    ROW(task_tgid, "task_struct", "tgid", OFFSET),
    ROW(task_comm, "task_struct", "comm", OFFSET),
    ROW(task_real_parent, "task_struct", "real_parent", OFFSET),
    ROW(task_flags, "task_struct", "flags", OFFSET),
    ROW(task_mm, "task_struct", "mm", OFFSET),
    ROW(task_exit_code, "task_struct", "exit_code", OFFSET),
    ROW(mm_arg_start, "mm_struct", "arg_start", OFFSET),
    ROW(mm_arg_end, "mm_struct", "arg_end", OFFSET),
    ROW(mm_start_code, "mm_struct", "start_code", OFFSET),
    ROW(mm_exe_file, "mm_struct", "exe_file", OFFSET),
    ROW(binprm_filename, "linux_binprm", "filename", OFFSET),
    ROW(binprm_interp, "linux_binprm", "interp", OFFSET),
    ROW(binprm_file, "linux_binprm", "file", OFFSET),
    ROW(binprm_exec, "linux_binprm", "exec", OFFSET),
    ROW(clone_flags, "kernel_clone_args", "flags", OFFSET),
    ROW(clone_exit_signal, "kernel_clone_args", "exit_signal", OFFSET),
    ROW(module_name, "module", "name", OFFSET),
    ROW(module_core_base, "module", "core_layout.base", OFFSET), /* up to 6.3 */
    ROW(module_core_size, "module", "core_layout.size", OFFSET),
    ROW(module_mem, "module", "mem", OFFSET), /* since 6.4 */
    ROW(mem_stride, "module", "mem", STRIDE),
    ROW(mem_count, "module", "mem", COUNT),
    ROW(mem_base, "module_memory", "base", OFFSET),
    ROW(mem_size, "module_memory", "size", OFFSET),
    ROW(module_sect_attrs, "module", "sect_attrs", OFFSET),
    ROW(module_kallsyms, "module", "kallsyms", OFFSET),
    ROW(ksyms_symtab, "mod_kallsyms", "symtab", OFFSET),
    ROW(ksyms_num, "mod_kallsyms", "num_symtab", OFFSET),
    ROW(ksyms_strtab, "mod_kallsyms", "strtab", OFFSET),
    ROW(sects_count, "module_sect_attrs", "nsections", OFFSET), /* up to 6.13 */
    ROW(sects_attrs, "module_sect_attrs", "attrs", OFFSET),
    ROW(sect_stride, "module_sect_attr", NULL, SIZE_OF),
    ROW(sect_name, "module_sect_attr", "battr.attr.name", OFFSET),
    ROW(sect_address, "module_sect_attr", "address", OFFSET),
    ROW(sects_group_bin, "module_sect_attrs", "grp.bin_attrs", OFFSET), /* since */
    ROW(bin_name, "bin_attribute", "attr.name", OFFSET),
    ROW(bin_private, "bin_attribute", "private", OFFSET),
    ROW(console_name, "console", "name", OFFSET),
    ROW(console_index, "console", "index", OFFSET),
    ROW(console_flags, "console", "flags", OFFSET),
    ROW(file_mapping, "file", "f_mapping", OFFSET),
    ROW(file_inode, "file", "f_inode", OFFSET),
    ROW(inode_size, "inode", "i_size", OFFSET),
    ROW(inode_mapping, "inode", "i_mapping", OFFSET),
    ROW(mapping_head, "address_space", "i_pages.xa_head", OFFSET),
    ROW(node_shift, "xa_node", "shift", OFFSET),
    ROW(node_slots, "xa_node", "slots", OFFSET),
    ROW(task_files, "task_struct", "files", OFFSET),
    ROW(files_fdt, "files_struct", "fdt", OFFSET),
    ROW(fdt_max, "fdtable", "max_fds", OFFSET),
    ROW(fdt_fd, "fdtable", "fd", OFFSET),
    ROW(file_dentry, "file", "f_path.dentry", OFFSET),
    ROW(file_mount, "file", "f_path.mnt", OFFSET),
    ROW(mount_root, "vfsmount", "mnt_root", OFFSET),
    ROW(mount_vfs, "mount", "mnt", OFFSET),
    ROW(mount_parent, "mount", "mnt_parent", OFFSET),
    ROW(mount_point, "mount", "mnt_mountpoint", OFFSET),
    ROW(dentry_parent, "dentry", "d_parent", OFFSET),
    ROW(dentry_name, "dentry", "d_name.name", OFFSET),
    ROW(inode_number, "inode", "i_ino", OFFSET),
    ROW(inode_sb, "inode", "i_sb", OFFSET),
    ROW(inode_alias, "inode", "i_dentry.first", OFFSET),
    ROW(dentry_alias, "dentry", "d_u.d_alias", OFFSET),
    ROW(sb_dev, "super_block", "s_dev", OFFSET),
    ROW(sb_id, "super_block", "s_id", OFFSET),
    ROW(sb_type, "super_block", "s_type", OFFSET),
    ROW(type_name, "file_system_type", "name", OFFSET),
    ROW(bio_sector, "bio", "bi_iter.bi_sector", OFFSET),
    ROW(bio_size, "bio", "bi_iter.bi_size", OFFSET),
    ROW(bio_op, "bio", "bi_opf", OFFSET),
    ROW(bio_vecs, "bio", "bi_io_vec", OFFSET),
    ROW(vec_page, "bio_vec", "bv_page", OFFSET),
    ROW(page_mapping, "page", "mapping", OFFSET),
    ROW(mapping_host, "address_space", "host", OFFSET),
    ROW(page_size, "page", NULL, SIZE_OF),
    ROW(btfs_list, "btf_module", "list", OFFSET),
    ROW(btfs_module, "btf_module", "module", OFFSET),
    ROW(btfs_btf, "btf_module", "btf", OFFSET),
    ROW(btf_data, "btf", "data", OFFSET),
    ROW(btf_size, "btf", "data_size", OFFSET),
    ROW(device_kobj, "device", "kobj", OFFSET),
    ROW(device_init_name, "device", "init_name", OFFSET),
    ROW(device_driver, "device", "driver", OFFSET),
    ROW(kobject_name, "kobject", "name", OFFSET),
    ROW(kobject_parent, "kobject", "parent", OFFSET),
    ROW(driver_name, "device_driver", "name", OFFSET),
    ROW(driver_bus, "device_driver", "bus", OFFSET),
    ROW(driver_probe, "device_driver", "probe", OFFSET),
    ROW(bus_probe, "bus_type", "probe", OFFSET),
    ROW(hot_current, "pcpu_hot", "current_task", OFFSET),
#undef ROW
};

static int array_value(const struct btf *btf, const struct btf_member *m, enum row_what what)
{
    int id = btf__resolve_type(btf, m->type);
    const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
    if (!t || !btf_is_array(t))
        return -1;
    const struct btf_array *a = btf_array(t);
    return what == COUNT ? (int)a->nelems : (int)btf__resolve_size(btf, a->type);
}

static int row_value(const struct btf *btf, const struct row *r)
{
    uint64_t offset;
    int id = btf__find_by_name_kind(btf, r->type, BTF_KIND_STRUCT);
    if (id < 0)
        return -1;
    if (r->what == SIZE_OF)
        return (int)btf__resolve_size(btf, (uint32_t)id);
    const struct btf_member *m = btf_member_at(btf, (uint32_t)id, r->member, strlen(r->member), &offset);
    if (!m || offset > 1 << 20)
        return -1;
    return r->what == OFFSET ? (int)offset : array_value(btf, m, r->what);
}

/* ---------------------------------------------------------------- finding it */

/* The header: magic, version, flags, length, then offset and length of types and of strings. */
static size_t btf_size(const uint8_t *p, size_t n)
{
    uint32_t h[6];
    if (n < 24 || p[0] != 0x9f || p[1] != 0xeb || p[2] != 1)
        return 0;
    memcpy(h, p, sizeof h);
    uint64_t end = (uint64_t)h[1] + (h[2] > h[4] ? (uint64_t)h[2] + h[3] : (uint64_t)h[4] + h[5]);
    return h[1] >= 24 && h[1] < 256 && h[3] > 4096 && h[5] > 4096 && end <= n ? (size_t)end : 0;
}

/* Finds BTF between its symbols; in a kernel without these, it is searched for. */
static const uint8_t *find_btf(const struct linux_guest *lx, const uint8_t *image, size_t size, uint64_t base,
                               size_t *n)
{
    static const uint8_t magic[] = {0x9f, 0xeb, 1, 0, 24, 0, 0, 0};
    uint64_t at = lx_symbol(lx, "__start_BTF") - base;
    if (at < size && (*n = btf_size(image + at, size - at)))
        return image + at;
    const uint8_t *p = image, *end = image + size;
    for (; (p = memmem(p, (size_t)(end - p), magic, sizeof magic)); p++)
        if ((*n = btf_size(p, (size_t)(end - p))))
            return p;
    return NULL;
}

static int no_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
    return 0;
}

void lx_types_load(struct linux_guest *lx, const void *image, size_t size, uint64_t base)
{
    size_t n;
    const void *data = find_btf(lx, image, size, base, &n);
    if (!data && !symbols_types(lx->base.o.symbols, lx->text, &data, &n))
        data = NULL;
    int *fields = (int *)&lx->types;
    libbpf_set_print(no_print); /* it would write to standard error */
    struct btf *btf = data ? btf__new(data, (uint32_t)n) : NULL;
    if (!btf || libbpf_get_error(btf)) {
        btf = NULL;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fields[rows[i].where / sizeof(int)] = btf ? row_value(btf, &rows[i]) : -1;
    lx->types.mm_tables = -1;
    lx->types.count = btf ? btf__type_cnt(btf) - 1 : 0;
    if (btf)
        lx_calls_load(lx, data, n);
    btf__free(btf);
    if (lx->types.count)
        return;
    lx->inferring = true;
    lx_infer_tasks(lx);
    base_note(&lx->base, "this kernel has no%s type information (BTF): %s", data ? " good" : "",
              lx->init_task ? "offsets of members are inferred, symbols of programs are not known"
                            : "no processes, modules and consoles");
}
