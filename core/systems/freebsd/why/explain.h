/* explain.h - what went wrong in a FreeBSD kernel or its loader. */
#ifndef BOOTREEL_CORE_SYSTEMS_FREEBSD_WHY_EXPLAIN_H
#define BOOTREEL_CORE_SYSTEMS_FREEBSD_WHY_EXPLAIN_H

#include "core/case/case.h"

explainer_fn explain_freebsd;

#endif
