/* kernel_tree.h - a Linux kernel that was built or installed, with what belongs to it: symbols, configuration, modules. Private to cli/. */
#ifndef BOOTREEL_CLI_KERNEL_TREE_H
#define BOOTREEL_CLI_KERNEL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kernel_module {
    char *path;
    const char *name; /* the file's, without folder and suffix, in the path */
};

struct kernel_tree {
    char *kernel;   /* a bzImage */
    char *release;  /* as uname -r says it */
    char *symbols;  /* vmlinux, or NULL */
    char *config;   /* the file with its options, or NULL */
    char *modules;  /* /lib/modules/RELEASE of an installed kernel; the tree itself; NULL: there are none */
    bool installed; /* `modules` is as depmod and modprobe know it */
    bool unbuilt;   /* a tree that has no kernel yet: only `config` is known */
    struct kernel_module *module;
    size_t nmodules;
};

/* Finds the kernel of the tree in the current folder, or `kernel`. `modules`: the folder of its modules, or NULL for the usual places.
 * -1 with err. */
int kernel_tree_find(struct kernel_tree *, const char *kernel, const char *modules, struct error *err);
/* The same, but a tree need not be built, and there need not be one: then nothing is known. */
int kernel_tree_find_config(struct kernel_tree *, const char *kernel, const char *modules, struct error *err);
void kernel_tree_free(struct kernel_tree *);

/* The state of an option: 'y', 'm', 'n', or '?' if there is no configuration. `name` without CONFIG_. */
char kernel_tree_option(const struct kernel_tree *, const char *name);
/* The module of that name, in which "-" and "_" are the same; NULL if there is none. */
const struct kernel_module *kernel_tree_module(const struct kernel_tree *, const char *name);
/* A module's file, unpacked, *n bytes to be freed. NULL with err. */
uint8_t *kernel_module_read(const struct kernel_module *, size_t *n, struct error *err);
/* The names of the modules that a module needs, separated by commas; to be freed. NULL with err: it is no module. */
char *kernel_module_needs(const uint8_t *module, size_t n, const char *path, struct error *err);

#endif
