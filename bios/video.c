#include "bios/bios.h"
void video_init(void) {}
void int10_video(struct regs *r) {}
