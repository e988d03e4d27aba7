/* virt_words.h - why a guest's run ended, and what was injected into it, in words. AMD APM volume 2, appendix C and 15.20. */
#ifndef BOOTREEL_TRACES_VIRT_WORDS_H
#define BOOTREEL_TRACES_VIRT_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* The name of an exit reason as `exits` counts them: "write of CR3", "#PF", "port". It goes into buf, cut to size. */
void virt_reason_name(uint64_t reason, char *buf, size_t size);
/* The whole: "out to port 1f7h, 8 bits", "write of guest-physical fee000b0h, which is not mapped". */
void virt_reason_words(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size);
/* "#GP, error 0", "interrupt 30h", "NMI", "INT 80h". */
void virt_event_words(unsigned type, uint8_t vector, uint64_t error, char *buf, size_t size);

#endif
