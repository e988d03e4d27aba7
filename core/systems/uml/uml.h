/* uml.h - the processes of the Linux host (uml/), and the user-mode Linux kernels among them. A guest system: see
 * core/story/guest.h.
 *
 * The host's own events say which processes there are and which one has the processor. They are told as process
 * events of the kinds "host process" and "host thread". What the host's calls add up to is told at the end
 * (host.total, host.errors), since the calls themselves (class host) are only recorded if asked for.
 *
 * A process whose program is a kernel is a domain, numbered by its process ID: it is known by the banner in
 * its image, "Linux version 6…". The domain is the kernel's process and all that it makes by clone: its
 * helper threads, and the processes that run its guests' code (which since 6.13 execute a small program of the
 * kernel's own for that). When the process executes another program, the domain ends; after a reboot that is the
 * same kernel again.
 *
 * It makes events of the class process.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_UML_UML_H
#define BOOTREEL_CORE_SYSTEMS_UML_UML_H

#include "core/story/guest.h"

extern const struct guest_system uml_system;

#endif
