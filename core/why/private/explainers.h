/* explainers.h - the explainers, and what they know of each other's subjects. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_EXPLAINERS_H
#define BOOTREEL_CORE_WHY_EXPLAINERS_H

#include "core/case/case.h"

explainer_fn explain_systems, explain_rails, explain_fault, explain_reset, explain_network, explain_firmware,
    explain_hang, explain_program, explain_virt;

/* After something went wrong: adds to the finding what is wrong with a CD's image, if that is the cause. */
void explain_media(struct why_case *c, struct finding *f);

/* Adds what was varied in this boot, and with which seed; nothing if nothing was. */
void varied_line(struct why_case *c, struct finding *f);

/* ---------------------------------------------------------------- what a machine is at (activity.c) */

/* Whether a program goes on with its work: something was printed, read, written, sent, started or drawn in the last seconds of guest time. Adds
 * what, as part of a sentence: "printed 3 lines". */
bool activity_lately(struct why_case *c, struct text *did);
/* A sign that a system is up: somebody may log in, a shell waits, the system manager says so. */
bool systems_up(struct why_case *c);
/* The guest time since a position; 0 if that is not known, or 0. */
uint64_t time_since(struct why_case *c, uint64_t icount);
/* Says of an idle system with processes that it is up, or what its processes wait for. False if there are none. */
bool idle_system(struct why_case *c, struct finding *f);
/* Some process of a kernel computes, but the console has been at a prompt for some seconds: says that, or the error that was said before it. False if
 * it is not so. */
bool console_asks(struct why_case *c, struct finding *f);
/* The last line on the console is a prompt that nobody has answered: says so of a machine whose processor cannot be looked at. */
void idle_prompt(struct why_case *c, struct finding *f);
/* The youngest process of an idle system that waits, "nfsmount (107) waits for events", without evidence. False if there is none. */
bool idle_process(struct why_case *c, struct text *what);

/* Adds which server has refused the last TCP connection before a position, within some seconds: "10.0.2.2:111 refuses a TCP connection". False if
 * none has. */
bool network_refused(struct why_case *c, uint64_t to, struct text *why);

/* Adds that a client has asked for an address several times before a position, and has heard nothing: "no DHCP server answers (4 requests)". False if
 * it has not. */
bool network_no_dhcp(struct why_case *c, uint64_t to, struct text *why);

#endif
