/* stages_impl.h - what the files stages*.c share. */
#ifndef BOOTREEL_CORE_STORY_STAGES_IMPL_H
#define BOOTREEL_CORE_STORY_STAGES_IMPL_H

#include "core/story/stages.h"

struct stages {
    struct stage *list; /* in order of their beginnings, each before what is in it */
    size_t n, room;
};

/* Frees what the stage owns. */
void stage_forget(struct stage *g);

#endif
