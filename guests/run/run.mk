# run.mk - the first program of guests of `bootreel run`, as an object of the library. Included from the Makefile.
#
# As the demo guest, it is always built by gcc with the same options: a recording of one tree is the same whatever built the host program.

RUN        := guests/run
RUN_DIR    := $(BUILD)/$(RUN)
RUN_CFLAGS := -std=gnu11 -Os -march=x86-64 -mtune=generic -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
              -fno-strict-aliasing -fcf-protection=none -mno-red-zone -mgeneral-regs-only -fno-ident -fno-tree-loop-distribute-patterns \
              -Wall -Wextra -Werror -nostdinc -isystem $(shell $(DEMO_CC) -print-file-name=include 2>/dev/null) -I. -MMD -MP

$(RUN_DIR)/%.o: $(RUN)/%.c
	@mkdir -p $(@D)
	@echo "  $(STEP) GUEST $<"
	$(Q)$(DEMO_CC) $(RUN_CFLAGS) -c -o $@ $<
$(RUN_DIR)/start.o: $(RUN)/start.S
	@mkdir -p $(@D)
	$(Q)$(DEMO_CC) $(RUN_CFLAGS) -c -o $@ $<
$(RUN_DIR)/init: $(RUN_DIR)/start.o $(RUN_DIR)/init.o
	$(Q)ld -m elf_x86_64 -static -s -z noexecstack --build-id=none -o $@ $^

# run.h declares what is in this object.
$(RUN_DIR)/run.S: $(RUN_DIR)/init
	$(Q)printf '%s\n' '.section .rodata' '.balign 16' '.globl run_init_start, run_init_end' 'run_init_start: .incbin "$<"' \
	    'run_init_end: .byte 0' '.section .note.GNU-stack,"",@progbits' >$@
$(RUN_DIR)/run.o: $(RUN_DIR)/run.S
	$(Q)$(DEMO_CC) $(CPPFLAGS) -c -o $@ $<
LIB_OBJ += $(RUN_DIR)/run.o
-include $(wildcard $(RUN_DIR)/*.d)
