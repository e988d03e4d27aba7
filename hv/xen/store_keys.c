/* store_keys.c - what the toolstack (libxl) has written into xenstore before the domain starts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "hv/xen/internal.h"
#include "hv/xen/store.h"

static const char store_home[] = "/local/domain/1/";

static const char read_only[] = "n0\0r1", own[] = "n1";

static void put_node(struct store_tree *t, const char *path, const char *value, bool owned)
{
    char full[STORE_PATH];
    snprintf(full, sizeof full, "%s%s", path[0] == '/' ? "" : store_home, path);
    for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct store_node node;
        *slash = 0;
        if (!nodes_find(t, full, &node))
            nodes_set(t, full, NULL, 0, read_only, sizeof read_only);
        *slash = '/';
    }
    const char *permissions = owned ? own : read_only;
    must(nodes_set(t, full, value, strlen(value), permissions, owned ? sizeof own : sizeof read_only),
         "xenstore has no room for the keys that every domain has");
}

static void put_number(struct store_tree *t, const char *path, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put_node(t, path, text, false);
}

/* As libxl writes for a domain with QEMU as its device model. */
void store_fill(const struct xen *xen, struct store_tree *t)
{
    static const char *const nodes[][2] = {
        {"/tool/xenstored", ""},
        {"/vm/626f6f74-7265-4065-806c-000000000001/name", "bootreel"},
        {"/vm/626f6f74-7265-4065-806c-000000000001/uuid", "626f6f74-7265-4065-806c-000000000001"},
        {"/local/domain/0/name", "Domain-0"},
        {"vm", "/vm/626f6f74-7265-4065-806c-000000000001"},
        {"name", "bootreel"},
        {"hvmloader/allow-memory-relocate", "0"},
        {"platform/acpi", "1"},
        {"platform/acpi_s3", "0"},
        {"platform/acpi_s4", "0"},
        {"platform/acpi_laptop_slate", "0"},
        {"platform/device-model", "qemu_xen"},
        {"control/platform-feature-multiprocessor-suspend", "1"},
        {"control/platform-feature-xs_reset_watches", "1"},
        {"device", ""},
        {"bios-strings", ""},
    };
    static const char *const owned[] = {"control/shutdown",
                                        "control/feature-poweroff",
                                        "control/feature-reboot",
                                        "control/feature-suspend",
                                        "control/sysrq",
                                        "data",
                                        "drivers",
                                        "feature",
                                        "attr",
                                        "error"};
    char path[64];
    nodes_set(t, "/", NULL, 0, "r0", 3);
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        put_node(t, nodes[i][0], nodes[i][1], false);
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        put_node(t, owned[i], "", true);
    for (unsigned i = 0; i < xen->domain.vcpus; i++) {
        snprintf(path, sizeof path, "cpu/%u/availability", i);
        put_node(t, path, "online", false);
    }
    uint64_t kib = (xen->domain.ram_low + xen->domain.ram_high) / 1024;
    put_node(t, "hvmloader/bios", xen->domain.bios, false);
    put_number(t, "domid", XEN_DOMAIN);
    put_number(t, "memory/static-max", kib);
    put_number(t, "memory/target", kib);
    put_number(t, "memory/videoram", 0);
    put_number(t, "store/port", PORT_STORE);
    put_number(t, "store/ring-ref", xen->param[PARAM_STORE_PFN]);
    put_number(t, "console/port", PORT_CONSOLE);
    put_number(t, "console/ring-ref", xen->param[PARAM_CONSOLE_PFN]);
    put_node(t, "console/type", "xenconsoled", false);
}
