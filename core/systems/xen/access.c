/* access.c - functions of the hypervisor as hooks. See impl.h. */
#include "base/memory.h"
#include "core/systems/xen/private/impl.h"

GUEST_HOOKS(xen, struct xen_guest)

bool xen_hook(struct xen_guest *xg, const char *const *names, xen_enter *enter, xen_leave *leave)
{
    struct symbol sym;
    const char *const *name = names;
    while (*name && !base_function(&xg->base, *name, &sym))
        name++;
    if (!*name) {
        base_missing(&xg->base, names[0]);
        return false;
    }
    hook_calls(xg, &sym, enter, leave);
    return true;
}
