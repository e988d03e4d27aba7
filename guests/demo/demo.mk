# demo.mk - the demo guest: a disk image, as an object of the library. Included from the Makefile.
#
# It is always built by gcc and binutils with the same options, whatever builds the host program: builds of one machine have the same image to
# the byte, in any folder. Another version of gcc makes another image, so the machine is another one, but a trace holds the image that it ran.
# The ELF files with symbols and lines stay in the build folder: loader.elf, kernel.elf, and *.elf of the programs.

DEMO        := guests/demo
DEMO_DIR    := $(BUILD)/$(DEMO)
DEMO_CC     := gcc
DEMO_SIZE   := 512
DEMO_CFLAGS := -std=gnu11 -g -march=i686 -mtune=i686 -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
               -fno-asynchronous-unwind-tables -fno-strict-aliasing -fwrapv -fno-delete-null-pointer-checks \
               --param=min-pagesize=0 -fcf-protection=none -fno-omit-frame-pointer -mgeneral-regs-only -fno-ident -fno-common \
               -mpreferred-stack-boundary=2 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-address-of-packed-member \
               -ffile-prefix-map="$$PWD"=. -fno-record-gcc-switches -nostdinc \
               -isystem $(shell $(DEMO_CC) -print-file-name=include 2>/dev/null) -I. -MMD -MP
DEMO_LINK   := ld -m elf_i386 --no-warn-rwx-segments -z noexecstack --build-id=none

DEMO_KERNEL   := $(patsubst %,$(DEMO_DIR)/kernel/%.o,start.S entry.S \
                     $(notdir $(sort $(wildcard $(DEMO)/kernel/*.c))))
DEMO_LOADER   := $(DEMO_DIR)/boot/entry.S.o $(DEMO_DIR)/boot/loader.c.o $(DEMO_DIR)/boot/load.c.o
DEMO_PROGRAMS := init hello primes family fault shell
DEMO_FILES    := kernel $(DEMO_PROGRAMS)

# The loader is 16-bit code, except its last part.
DEMO_MODE_boot/loader.c := -m16 -Os -mregparm=3
DEMO_MODE_boot/entry.S  := -m16
DEMO_MODE_boot/boot.S   := -m16

define DEMO_COMPILE
	@mkdir -p $(@D)
	@echo "  $(STEP) DEMO $<"
	$(Q)$(DEMO_CC) $(DEMO_CFLAGS) $(or $(DEMO_MODE_$(<:$(DEMO)/%=%)),-m32 -Og) -c -o $@ $<
endef
$(DEMO_DIR)/%.c.o: $(DEMO)/%.c
	$(DEMO_COMPILE)
$(DEMO_DIR)/%.S.o: $(DEMO)/%.S
	$(DEMO_COMPILE)

$(DEMO_DIR)/boot.elf: $(DEMO_DIR)/boot/boot.S.o $(DEMO)/boot/boot.ld
	$(Q)$(DEMO_LINK) -T $(DEMO)/boot/boot.ld -o $@ $<
$(DEMO_DIR)/loader.elf: $(DEMO_LOADER) $(DEMO)/boot/loader.ld
	$(Q)$(DEMO_LINK) -T $(DEMO)/boot/loader.ld -o $@ $(DEMO_LOADER)
$(DEMO_DIR)/kernel.elf: $(DEMO_KERNEL) $(DEMO)/kernel/kernel.ld
	$(Q)$(DEMO_LINK) -T $(DEMO)/kernel/kernel.ld -o $@ $(DEMO_KERNEL)
$(DEMO_PROGRAMS:%=$(DEMO_DIR)/%.elf): $(DEMO_DIR)/%.elf: $(DEMO_DIR)/user/crt0.S.o $(DEMO_DIR)/user/%.c.o \
        $(DEMO_DIR)/user/lib.c.o $(DEMO_DIR)/kernel/text.c.o $(DEMO)/user/program.ld
	$(Q)$(DEMO_LINK) -T $(DEMO)/user/program.ld -o $@ $(filter %.o,$^)
$(DEMO_DIR)/boot.bin $(DEMO_DIR)/loader.bin: $(DEMO_DIR)/%.bin: $(DEMO_DIR)/%.elf
	$(Q)objcopy -O binary $< $@
$(DEMO_FILES:%=$(DEMO_DIR)/%.stripped): $(DEMO_DIR)/%.stripped: $(DEMO_DIR)/%.elf
	$(Q)strip -s -o $@ $<

$(DEMO_DIR)/pack: $(DEMO)/pack.c $(DEMO)/layout.h
	@mkdir -p $(@D)
	$(Q)$(DEMO_CC) -std=gnu11 -O1 -I. -Wall -Wextra -Werror $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<
$(DEMO_DIR)/demo.img: $(DEMO_DIR)/pack $(DEMO_DIR)/boot.bin $(DEMO_DIR)/loader.bin $(DEMO_FILES:%=$(DEMO_DIR)/%.stripped)
	@echo "  $(STEP) DEMO $@"
	$(Q)$< $@ $(DEMO_SIZE) $(DEMO_DIR)/boot.bin $(DEMO_DIR)/loader.bin $(foreach f,$(DEMO_FILES),$f=$(DEMO_DIR)/$f.stripped)

$(DEMO_DIR)/demo.profile: profiles/firmware.profile $(DEMO)/demo.profile
	$(Q)cat $^ >$@

# demo.h declares what is in this object.
$(DEMO_DIR)/demo.S: $(DEMO_DIR)/demo.img $(DEMO_DIR)/loader.elf $(DEMO_DIR)/kernel.elf $(DEMO_DIR)/demo.profile
	$(Q)printf '%s\n' '.section .rodata' '.macro data name, file' '.balign 16' '.globl \name\()_start, \name\()_end' \
	    '\name\()_start: .incbin "\file"' '\name\()_end: .byte 0' '.endm' 'data demo_disk, $(DEMO_DIR)/demo.img' \
	    'data demo_loader, $(DEMO_DIR)/loader.elf' 'data demo_kernel, $(DEMO_DIR)/kernel.elf' \
	    'data demo_profile, $(DEMO_DIR)/demo.profile' '.section .note.GNU-stack,"",@progbits' >$@
$(DEMO_DIR)/demo.o: $(DEMO_DIR)/demo.S
	$(Q)$(DEMO_CC) $(CPPFLAGS) -c -o $@ $<
LIB_OBJ += $(DEMO_DIR)/demo.o

demo-guest: $(DEMO_DIR)/demo.img
.PHONY: demo-guest
-include $(wildcard $(DEMO_DIR)/*/*.d)
