/* virt_words.h - why a guest's run ended, and what was injected into it, in words. AMD APM volume 2, appendix C and 15.20; SDM volume 3,
 * appendix C, 24.8.3 and 27.2.1.
 *
 * reason, info1, info2 are EXITCODE, EXITINFO1 and EXITINFO2 of AMD's extension. From VIRT_REASON_VMX on they are of Intel's: VIRT_REASON_VMX plus the
 * basic exit reason, the qualification, and the guest-physical address (EPT), the MSR's number, or the interruption information with the error
 * code in the upper half. */
#ifndef BOOTREEL_TRACES_VIRT_WORDS_H
#define BOOTREEL_TRACES_VIRT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name of an exit reason as `exits` counts them: "write of CR3", "#PF", "port". It goes into buf, cut to size. */
void virt_reason_name(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size);
/* The whole: "out to port 1f7h, 8 bits", "write of guest-physical fee000b0h, which is not mapped". */
void virt_reason_words(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size);
/* "#GP, error 0", "interrupt 30h", "NMI", "INT 80h". */
void virt_event_words(unsigned type, uint8_t vector, uint64_t error, char *buf, size_t size);

#define VIRT_REASON_VMX 0x1000000u
/* The same reason, or the nearest, by AMD's number; a reason of Intel's without one is returned as it is. */
uint64_t virt_reason_amd(uint64_t reason, uint64_t info1, uint64_t info2);
/* The port of an access that ended the run, and the guest-physical address of a nested page fault; false if it was none. */
bool virt_reason_port(uint64_t reason, uint64_t info1, uint16_t *port);
bool virt_reason_nested(uint64_t reason, uint64_t info2, uint64_t *address);

#endif
