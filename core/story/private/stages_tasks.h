/* stages_tasks.h - which tasks used a stage's time: the part of stages.c that asks task_time.h. Private to
 * core/story/. */
#ifndef BOOTREEL_CORE_STORY_STAGES_TASKS_H
#define BOOTREEL_CORE_STORY_STAGES_TASKS_H

#include "core/story/profile.h"
#include "core/story/stages.h"
#include "core/story/task_time.h"

struct stages_tasks;

/* All other functions do nothing if it is NULL. */
struct stages_tasks *stages_tasks_new(void);
void stages_tasks_free(struct stages_tasks *);
/* Takes each event of TASK_TIME_CLASSES, before the stages that it opens and closes. */
void stages_tasks_see(struct stages_tasks *, const struct event *ev);
/* Stage n of the list begins with this event, as its description says. If a stage was dropped, its number may
 * be given to another one. */
void stages_tasks_open(struct stages_tasks *, const struct stage *list, size_t n, const struct event *ev,
                       const struct stage_rule *rule);
/* Stage n of the list has ended: its end_time is known. */
void stages_tasks_close(struct stages_tasks *, const struct stage *list, size_t n);
/* All events have been seen, and all stages closed: puts the times into them. */
void stages_tasks_finish(struct stages_tasks *, struct stage *list, size_t n);

#endif
