/* uml.h - a deterministic Linux host as an engine: 64-bit Linux programs, user-mode Linux among them, run on
 * the processor of hv/x86. The one public header of uml/.
 *
 * The processor executes the programs' instructions at CPL 3 with page tables of their own. What they ask of
 * their kernel is answered here, by the documented behaviour of Linux's system calls. Nothing of the real
 * host can be reached: files are the images of the configuration, and everything else is in the engine's
 * state.
 *
 * Settings: "ram" (bytes of memory for all programs), "cpu" (processor model), "rtc" (the wall clock at the
 * start), "argument" and "environment" (one setting for each, in order), "folder" (the current directory),
 * "link PATH" (a symbolic link, its target). Images: the role is "file PATH"; "program" names the first
 * program by its path.
 *
 * Its registers are the processor's, and "host_pid": the process ID of the process that has the processor. */
#ifndef BOOTREEL_UML_UML_H
#define BOOTREEL_UML_UML_H

#include "core/engine/engine.h"

/* Raised by any change that makes the same inputs give another run; tests/golden has a trace of it. A trace
 * of UML_OLDEST or later runs as it was recorded: code that a version changed asks which version the
 * configuration wants (host_behaves()).
 *
 * 11: calls are reported with names, as strace prints them; open() with O_CREAT makes the file that a dangling link leads to. */
enum { UML_BEHAVIOUR = 11, UML_OLDEST = 10 };
/* Who replays recordings of the versions before UML_OLDEST. */
extern const struct engine_past uml_past[];

/* Creates the host and loads the first program. The images and the settings must stay valid. NULL with err
 * if there is no program, it cannot be loaded, or there is not enough memory. */
struct engine *uml_create(const struct engine_config *cfg, struct error *err);

#endif
