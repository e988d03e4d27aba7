/* frame.h - signal frames on programs' stacks. Private to uml/. */
#ifndef BOOTREEL_UML_FRAME_H
#define BOOTREEL_UML_FRAME_H

#include "uml/host.h"

/* Makes the task continue in its signal handler. -EFAULT if its stack is not there. */
int frame_push(struct host *h, struct task *t, const struct action *a, const struct info *info,
               uint64_t mask);

#endif
