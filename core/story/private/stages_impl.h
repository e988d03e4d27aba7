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

/* ---- stages_tree.c ---- */

/* The list is in order of beginning: each stage is moved behind its parent and the earlier stages there. */
void stages_put_in_order(struct stages *s);
/* Leaves out what takes too little; what is inside it goes to its parent. The list is in order of beginning. */
void stages_leave_out(struct stages *s, const struct profile *p);
/* Appends the stages of a virtual machine, and frees them: inside a stage (-1: none), with which they end, and with `prefix` before their
 * names. They are beside the others. */
void stages_join(struct stages *s, struct stages *inner, long parent, const char *prefix);
/* Puts the list into the order of beginning. A parent has a lower number than its stages, and begins no later. */
void stages_sort(struct stages *s);

/* Frees what the stage owns. */
void stage_forget(struct stage *g);

#endif
