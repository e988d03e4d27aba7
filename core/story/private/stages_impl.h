/* stages_impl.h - what the files stages*.c share. */
#ifndef BOOTREEL_CORE_STORY_STAGES_IMPL_H
#define BOOTREEL_CORE_STORY_STAGES_IMPL_H

#include "core/story/stages.h"

struct stages {
    struct stage *list; /* in order of their beginnings, each before what is in it */
    size_t n, room;
};

/* stages_kernel.c: the stage of a kernel of which nothing is known gets the name of its file for its note: that of --kernel, the path in the
 * loader's command line, or of the file that the loader has read from a disk, if that is certain. Cost: nothing, unless there is such a
 * kernel; then all reads of disks before it. */
void stages_name_kernels(struct stages *s, struct trace *t);

/* Frees what the stage owns. */
void stage_forget(struct stage *g);

#endif
