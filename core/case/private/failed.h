/* failed.h - programs under a kernel that failed, and what was printed while they ran. Private to core/case/. */
#ifndef BOOTREEL_CORE_CASE_FAILED_H
#define BOOTREEL_CORE_CASE_FAILED_H

#include "core/case/case.h"

/* Whether a line was printed while a program ran that ended with an error soon after: by the kernel in one of its system calls, or as the last
 * line of its own. In whatever words, it tells what that error is. False if it is not known which program ran. Cost: a pass over the process and
 * sched events, only if such a program ended. */
bool failed_said(struct why_case *c, const struct event *line);

#endif
