/* consoles.h - the text that a Linux kernel's own console (drivers/tty/vt) shows, where the display is in a
 * graphics mode: read from the kernel's memory (struct vc_data), whose layout is known from its type
 * information. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_CONSOLES_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_CONSOLES_H

#include "core/engine/look.h"
#include "traces/trace.h"

struct vt;
struct engine_kind;
/* NULL if the trace has no Linux kernel with types and such a console. Cost: that of kernel_types_read(). */
struct vt *vt_open(struct trace *t, const struct engine_kind *kind);
void vt_close(struct vt *v); /* NULL is allowed */
/* What the console in front shows: its cells, row by row, to be freed, and their number, size and cursor in *d. NULL if there is none yet, if
 * it is not drawn, or if a program draws (KD_GRAPHICS). */
struct display_cell *vt_read(const struct vt *v, struct look m, struct display *d);
/* Whether a program draws instead of the console in front, so that the kernel does not know what is shown. */
bool vt_program_draws(const struct vt *v, struct look m);

#endif
