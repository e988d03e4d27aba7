/* impl.h - what the files of this folder share. Private to them. See linux.h.
 *
 *   linux.c     life, events, finding the kernel; notes
 *   image.c     the kernel's image: where it is, its symbols
 *   access.c    arguments, memory, functions hooked at entry and exit
 *   functions.c other names of the kernel's functions
 *   boot.c      boot parameters, decompression, milestones, memory, consoles, shutdown
 *   initcall.c  initcalls; initcall_tables.c  the kernel's tables of them
 *   types.c     offsets of members, from BTF
 *   calls.c     arguments of calls, by BTF
 *   infer.c     the same without BTF, through layout.c; what has no symbols
 *   task.c      processes and context switches
 *   module.c    modules
 *   loading.c   what is loaded: the initramfs, modules' files
 *   device.c    drivers and devices: probes, uevents, firmware files
 *   program.c   user programs' symbols
 *   syscall.c   system calls
 *   hosted.c    user-mode Linux
 *   efi.c       a kernel started by EFI firmware
 *   log.c       what programs say to the kernel's log and the journal; panics
 *   names.c     numbers by name, events in words
 *   format.c    a kernel's format string with its arguments
 */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_IMPL_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_IMPL_H

#include <string.h>

#include "core/story/base.h"
#include "core/systems/linux/private/kallsyms.h"
#include "core/systems/linux/linux.h"
#include "core/symbols/kernel_types.h"

#define KERNEL_MAP_BASE 0xffffffff80000000u

/* Initcall levels: values of EV_INITCALL.level. 0-7 are the kernel's own. */
enum initcall_level {
    INITCALL_PURE,
    INITCALL_CORE,
    INITCALL_POSTCORE,
    INITCALL_ARCH,
    INITCALL_SUBSYS,
    INITCALL_FS,
    INITCALL_DEVICE,
    INITCALL_LATE,
    INITCALL_EARLY,
    INITCALL_ROOTFS,
    INITCALL_CONSOLE,
    INITCALL_MODULE,
    INITCALL_OTHER,
    INITCALL_LEVELS
};

/* Functions whose direct callees are reported (kernel.call, kernel.return): values of the field `parent`. */
enum lx_parent {
    PARENT_X86_64_START_KERNEL,
    PARENT_START_KERNEL,
    PARENT_REST_INIT,
    PARENT_KERNEL_INIT,
    PARENT_KERNEL_INIT_FREEABLE,
    PARENT_I386_START_KERNEL,
    PARENT_XEN_START_KERNEL,
    PARENT_LINUX_MAIN, /* from here on only of user-mode Linux */
    PARENT_SETUP_ARCH,
    PARENT_COUNT
};
/* The parent's symbol. */
const char *lx_parent_name(unsigned parent);

/* ---------------------------------------------------------------- types */

/* Offsets of members (see the table in types.c); -1 if there is no such member. */
struct linux_types {
    int task_pid, task_tgid, task_comm, task_real_parent, task_flags, task_mm, task_exit_code;
    int mm_arg_start, mm_arg_end, mm_start_code, mm_exe_file;
    int binprm_filename, binprm_interp, binprm_file, binprm_exec;
    int clone_flags, clone_exit_signal;
    int module_name, module_core_base, module_core_size, module_mem, module_sect_attrs, module_kallsyms;
    int mem_base, mem_size, mem_stride, mem_count;
    int ksyms_symtab, ksyms_num, ksyms_strtab;
    int sects_count, sects_attrs, sects_group_bin, sect_stride, sect_name, sect_address, bin_name,
        bin_private;
    int console_name, console_index, console_flags;
    int file_mapping, file_inode, inode_size, inode_mapping, mapping_head, node_shift, node_slots;
    int task_files, files_fdt, fdt_max, fdt_fd, file_dentry, file_mount, mount_root, mount_vfs, mount_parent,
        mount_point;
    int dentry_parent, dentry_name, inode_number, inode_sb, inode_alias, dentry_alias, sb_dev, sb_id, sb_type,
        type_name;
    int bio_sector, bio_size, bio_op, bio_vecs, vec_page, page_mapping, mapping_host;
    int btfs_list, btfs_module, btfs_btf, btf_data, btf_size; /* types of modules */
    int device_kobj, device_init_name, device_driver, kobject_name, kobject_parent;
    int driver_name, driver_bus, driver_probe, bus_probe;
    int mm_tables;   /* user-mode Linux: the page tables' address, in mm_struct */
    int page_size;   /* bytes of struct page */
    int hot_current; /* current_task in struct pcpu_hot */
    size_t count;    /* number of types; 0 if there is no BTF */
};

/* All types, if arguments of calls are asked for (calls.c). */
struct lx_call {
    char *name;
    uint64_t address;
    bool typed;
    struct types_function function;
};
struct lx_calls {
    struct kernel_types *types; /* NULL: there are none, or nobody asks */
    struct lx_call *list;       /* the functions that were entered so far */
    size_t n;
};

/* ---------------------------------------------------------------- functions that are hooked */

struct linux_guest;

struct clone_flags {
    uint64_t task;
    uint64_t flags;
};

/* The file that the kernel itself has read last for a task. */
struct lx_read_file {
    uint64_t task;
    char *path;
};

/* The host's process that runs the code of processes with that mm_struct. */
struct lx_stub {
    uint64_t mm;
    uint32_t pid;
    uint32_t said; /* the process that was last said to run in it */
};

/* User-mode Linux: a kernel that is a process of a Linux host. */
struct lx_hosted {
    bool is;
    uint64_t space; /* cr3 of its process */
    uint64_t begin,
        end;         /* its image and its physical memory, which begins there; what it maps is before `end` */
    unsigned levels; /* of page tables */
    uint64_t tables; /* page tables that are tried (infer.c); 0: those of the current task */
    uint64_t stack;  /* bytes of a kernel stack, whose first word is the task's address; 0: not so */
    uint64_t current;   /* otherwise: address of the variable with the task's address */
    uint32_t pid, tgid; /* of the task that was switched to last */
    uint32_t made;      /* the host's process that was made last */
    struct lx_stub *stubs;
    size_t nstubs;
};

/* A kernel's image, or memory that it is in. */
struct lx_image {
    const uint8_t *bytes;
    size_t size;
    uint64_t base; /* the address of its first byte; 0: not known */
    uint64_t physical,
        entry; /* if it was unpacked and is not mapped yet: where its first byte is, where it is entered; otherwise 0 */
};

enum linux_state { LX_NONE, LX_DECOMPRESSOR, LX_FOUND, LX_GIVEN_UP };

struct linux_guest {
    struct guest_base base;
    enum linux_state state;
    /* the decompressor */
    uint64_t extract_call;   /* physical address of the call of extract_kernel that is probed */
    unsigned early_probe[5]; /* enum early_probe */
    bool followed;           /* it was seen to jump to its copy: that is where it is probed */
    unsigned tries, running_tries;
    uint64_t tried[8]; /* where it was searched for last: firmware executes the same places again and again */
    unsigned ntried;
    uint64_t efi_image;        /* physical address of the kernel as an EFI program; 0 if none was seen */
    uint8_t efi_header[0x300]; /* its first bytes, with the boot protocol's header; valid with efi_image */
    /* the kernel */
    char version[512]; /* its banner, which may be known even if the kernel was not found */
    uint64_t text, text_physical, image_size, bias; /* _text; bias: KASLR offset */
    bool has_physical;    /* text_physical is known, so the kernel can be read before it is mapped */
    uint64_t boot_params; /* physical address; 0: not known */
    bool params_reported;
    bool setup_entered; /* its setup code runs in real mode */
    struct linux_types types;
    struct lx_calls calls;
    enum {
        CURRENT_UNKNOWN,
        CURRENT_PERCPU,
        CURRENT_PLAIN
    } current_how;           /* how the current task's pointer is kept */
    uint64_t current_at;     /* its address; per-cpu: from the processor's base on */
    uint64_t percpu_offsets; /* address of __per_cpu_offset; 0: not known */
    uint64_t vmemmap;        /* address of its variable; 0: not known */
    uint64_t initrd, initrd_size;
    struct clone_flags *clones;
    size_t nclones;
    struct lx_read_file *read_files;
    size_t nread_files;
    struct hook *module_load, *device_probe, *device_uevent; /* their frames; NULL: not hooked */
    bool init_seen, init_freed;
    bool leaving;                     /* it has begun to hand the machine to another kernel */
    struct initcall_entry *initcalls; /* initcall.c: sorted by address */
    size_t ninitcalls;
    uint64_t memory_total; /* address of _totalram_pages; 0: not known */
    struct lx_hosted hosted;
    bool resumed;          /* it was found earlier in the run (lx_resume) */
    bool inferring;        /* there is no BTF, so offsets of members are inferred */
    uint64_t init_task;    /* if so; 0: not found */
    struct lx_image image; /* only while the parts are set up */
    uint8_t *program;      /* program.c: room for a program's file, all zero; NULL: none */
    size_t program_room;
};

GUEST_ACCESS(lx, struct linux_guest);
/* Memory: kernel addresses can be read before the kernel is mapped. */
extern const struct guest_base_ops lx_base_ops;

enum early_probe { EARLY_DECOMPRESS, EARLY_DECOMPRESSED, EARLY_ENTRY, EARLY_MOVED, EARLY_EFI };
/* Problems that may only be noticed after the kernel is found. */
enum lx_note { LX_NOTE_PIDS, LX_NOTE_EXEC, LX_NOTE_MODULE };

/* ---------------------------------------------------------------- access.c */

/* Argument i (0-5) of a function that was just entered. 64-bit kernels use the System V convention (ABI for
 * AMD64, 3.2.3); 32-bit ones are built with regparm(3): the first three in registers, the others on the
 * stack. */
uint64_t lx_argument(const struct linux_guest *lx, unsigned i);
/* Argument i of a variadic or asmlinkage function, which gets all of them on the stack in a 32-bit kernel. */
uint64_t lx_stack_argument(const struct linux_guest *lx, unsigned i);

/* Reads this kernel's physical memory, up to the first byte that is not memory. Returns the number of bytes
 * done. */
size_t lx_peek_physical(const struct linux_guest *lx, uint64_t address, void *buf, size_t n);

/* A function, with its size: by that name, or by another that it has in some version or build (functions.c). */
bool lx_function(const struct linux_guest *lx, const char *name, struct symbol *sym);

/* The space of a process. */
symbol_space lx_space(const struct linux_guest *lx, uint32_t tgid);

/* Calls enter when the function is entered, leave (if not NULL) when it is left. NULL: the kernel has
 * no such function. */
struct hook *lx_hook(struct linux_guest *lx, const char *name, lx_enter *enter, lx_leave *leave);
/* A task exits: drops the calls on its stack, which do not return. */
void lx_frames_of_stack(struct linux_guest *lx, uint64_t sp);
/* The register that a thunk for indirect calls jumps through ("rbx"), or NULL. */
const char *lx_thunk_register(const struct linux_guest *lx, uint64_t address);

/* Whether 5-level paging is on: CR4.LA57. */
bool lx_la57(const struct linux_guest *lx);
/* The physical address, as the kernel has it, that a linear one of the current address space is mapped to, in long mode; false if it
 * is not mapped. SDM volume 3, 4.5. */
bool lx_physical(const struct linux_guest *lx, uint64_t address, uint64_t *physical);

/* ---------------------------------------------------------------- the parts: called once a kernel has been
 * found */

/* `base`: the address of the image's first byte. */
void lx_types_load(struct linux_guest *lx, const void *image, size_t size, uint64_t base);
/* lx_calls_load takes the kernel's BTF, whose data may be freed afterwards; lx_calls_module a module's, when
 * it is loaded. In a kernel that is taken up later (lx_resume) it is taken when one of the module's functions is entered. */
void lx_calls_load(struct linux_guest *lx, const void *btf, size_t n);
void lx_calls_module(struct linux_guest *lx, uint64_t module, const char *name);
void lx_calls_free(struct linux_guest *lx);
/* As guest_system.call. */
bool lx_call_words(struct linux_guest *lx, const char *name, uint64_t address, struct text *out);
/* For kernels without BTF. The first is called by lx_types_load; the others when an object of that
 * type is seen. */
void lx_infer_tasks(struct linux_guest *lx);
void lx_infer_created(struct linux_guest *lx, uint64_t task);
/* In a kernel that is taken up later, which was not seen to create its first task: the same, from that task. The kernel's memory must
 * be mapped. */
void lx_infer_pids(struct linux_guest *lx);
void lx_infer_executed(struct linux_guest *lx, uint64_t task, uint64_t binprm);
void lx_infer_module(struct linux_guest *lx, uint64_t module);
void lx_infer_console(struct linux_guest *lx, uint64_t console);
/* Finds the initcalls if their tables have no symbols. */
struct initcall_reader;
void lx_infer_initcalls(struct linux_guest *lx, const struct initcall_reader *r);
/* Sets probes in the decompressor: searches for its code around `ip`, at each event. */
void lx_boot_early(struct linux_guest *lx, uint64_t ip);
void lx_boot_params(struct linux_guest *lx, uint64_t address);
/* Checks whether this is the kernel, entered by its boot protocol: its first descriptor table shows it. */
void lx_boot_entered(struct linux_guest *lx, uint64_t ip);
/* A BIOS service was called from that linear address: checks whether it is a kernel's setup code in real mode, and reports it once. */
void lx_setup_calls(struct linux_guest *lx, uint64_t caller);
void lx_boot_setup(struct linux_guest *lx);
/* An interrupt came while 64-bit code at `ip` ran in ring 0: checks whether that is a kernel's EFI program,
 * and reports it if so. Cost: reads from up to 16384 pages. */
void lx_efi_interrupted(struct linux_guest *lx, uint64_t ip);
void lx_initcall_setup(struct linux_guest *lx);
void lx_task_setup(struct linux_guest *lx);
/* The part of it that lx_current() needs. */
void lx_task_find_current(struct linux_guest *lx);
void lx_module_setup(struct linux_guest *lx);
void lx_program_executed(struct linux_guest *lx, uint64_t binprm, const char *path);
void lx_program_forked(struct linux_guest *lx, uint32_t parent, uint32_t child);
void lx_program_exited(struct linux_guest *lx, uint32_t tgid);
void lx_syscall_setup(struct linux_guest *lx);
/* A system call has just opened a descriptor of the current task. */
void lx_file_opened(struct linux_guest *lx, uint64_t fd);
/* A task executes this file (struct file). */
void lx_file_executed(struct linux_guest *lx, uint64_t file);
void lx_file_setup(struct linux_guest *lx);
void lx_log_setup(struct linux_guest *lx);
/* Adds the path of a struct file. False if it has none. */
bool lx_file_path(struct linux_guest *lx, uint64_t file, struct text *out);
void lx_loading_setup(struct linux_guest *lx);
void lx_device_setup(struct linux_guest *lx);
/* Takes the path of the file that the kernel has read last for the current task, to be freed; NULL if there
 * is none. */
char *lx_take_read_file(struct linux_guest *lx);
void lx_loading_free(struct linux_guest *lx);

/* ---------------------------------------------------------------- image.c */

/* Looks for the kernel's symbols in the image. True: the kernel is found, and followed from here on.
 * Otherwise a note says what was missing. */
bool lx_take_image(struct linux_guest *lx, struct lx_image *im);
/* As guest_system.resume. */
bool lx_resume(struct linux_guest *lx, const struct event *found);
/* Looks for the symbols of a kernel that was unpacked to physical memory, and is about to be entered there.
 * `size`: how much memory it takes (0: not known); it begins at or before the entry, at a multiple of
 * `alignment`. */
void lx_kernel_at(struct linux_guest *lx, uint64_t entry, uint64_t size, uint64_t alignment);

/* ---------------------------------------------------------------- hosted.c */

/* Whether a kernel that was entered at `ip` is a program on a Linux host. */
bool lx_hosted_entered(const struct linux_guest *lx, uint64_t ip);
/* The image, as the memory around `ip` without a gap; to be freed. Fills in lx->hosted. */
void *lx_hosted_image(struct linux_guest *lx, uint64_t ip, uint64_t *begin, size_t *size);
/* For a kernel that is taken up later: false if it is no process of a Linux host. Otherwise fills in lx->hosted, and the processor that is
 * looked at becomes that process, whichever runs. *end: where the image ends, 0 if it is not there. */
bool lx_hosted_resume(struct linux_guest *lx, uint64_t *end);
/* Whether the kernel itself runs, and not another process of its host. Always true for other kernels. */
bool lx_kernel_runs(const struct linux_guest *lx);
/* As lx_peek_physical and lx_read; return the number of bytes done. */
size_t lx_hosted_physical(const struct linux_guest *lx, uint64_t address, void *buf, size_t n);
size_t lx_hosted_read(const struct linux_guest *lx, uint64_t address, void *buf, size_t n);
/* layout_memory.tables, for a linux_guest. */
void lx_hosted_tables(void *ctx, uint64_t tables, unsigned levels);
void lx_hosted_find_current(struct linux_guest *lx);
uint64_t lx_hosted_current(const struct linux_guest *lx);
/* The task whose program runs in another process of the host. */
bool lx_hosted_task(struct linux_guest *lx, struct guest_task *t);
/* Reports in which process of the host that task's program runs, if it is known. */
void lx_hosted_runs_in(struct linux_guest *lx, uint64_t task);
void lx_hosted_setup(struct linux_guest *lx);
void lx_hosted_free(struct linux_guest *lx);

/* ---------------------------------------------------------------- task.c */

uint64_t lx_current(const struct linux_guest *lx); /* the current task, or 0 if not known */
uint32_t lx_pid(const struct linux_guest *lx, uint64_t task);
uint32_t lx_tgid(const struct linux_guest *lx, uint64_t task);
/* The task that runs on the current processor. False if no kernel has been found. */
bool lx_task(struct linux_guest *lx, struct guest_task *t);
static inline uint32_t lx_current_pid(const struct linux_guest *lx)
{
    return lx_pid(lx, lx_current(lx));
}

#endif
