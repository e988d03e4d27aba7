# bios.mk - the firmware: image, symbols, and both as an object of the library. Included from the Makefile.
#
# (The first target of this file is not the default one.)
#
# It is always built by gcc and binutils with the same options, whatever builds the host program: builds of one machine have the same image to
# the byte, in any folder. Another version of gcc makes another image, so the machine is another one, but a trace holds the image that it ran.

.DEFAULT_GOAL := all
BIOS_DIR    := $(BUILD)/bios
BIOS_CC     := gcc
BIOS_CFLAGS := -std=gnu11 -Os -g -march=i486 -mtune=i486 -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
               -fno-asynchronous-unwind-tables -fno-strict-aliasing -fwrapv -fno-delete-null-pointer-checks \
               --param=min-pagesize=0 -fcf-protection=none -fomit-frame-pointer -mregparm=3 -mpreferred-stack-boundary=2 \
               -mno-sse -mno-mmx -fno-ident -Wall -Wextra -Werror -Wno-unused-parameter -Wno-address-of-packed-member \
               -ffile-prefix-map="$$PWD"=. -fno-record-gcc-switches -nostdinc -isystem $(shell $(BIOS_CC) -print-file-name=include 2>/dev/null) \
               -I. -I$(BIOS_DIR) -MMD -MP
# POST, part 1; the others are the services and part 2.
BIOS_SRC32  := $(sort $(wildcard bios/post32/*.c bios/drives32/*.c)) bios/post32/start32.S
BIOS_SRC16  := $(sort $(wildcard bios/*.c)) bios/entry.S bios/reset.S bios/fixed.S
# 32-bit code among the services: it stays in memory for the operating system.
BIOS_SRC1632 := $(sort $(wildcard bios/bios32/*.c)) bios/bios32/entry32.S
BIOS_OBJ32  := $(patsubst bios/%,$(BIOS_DIR)/%.o,$(BIOS_SRC32))
BIOS_OBJ16  := $(patsubst bios/%,$(BIOS_DIR)/%.o,$(BIOS_SRC16) $(BIOS_SRC1632)) $(BIOS_DIR)/fonts.o
BIOS_LINK   := ld -m elf_i386 -T bios/bios.ld --no-warn-rwx-segments --no-check-sections -z noexecstack --build-id=none

$(BIOS_DIR)/post32/%.c.o: bios/post32/%.c
	@mkdir -p $(@D)
	@echo "  $(STEP) BIOS32 $<"
	$(Q)$(BIOS_CC) -m32 -DPOST32 $(BIOS_CFLAGS) -c -o $@ $<
$(BIOS_DIR)/drives32/%.c.o: bios/drives32/%.c
	@mkdir -p $(@D)
	@echo "  $(STEP) BIOS32 $<"
	$(Q)$(BIOS_CC) -m32 -DPOST32 $(BIOS_CFLAGS) -c -o $@ $<
$(BIOS_DIR)/post32/%.S.o: bios/post32/%.S
	@mkdir -p $(@D)
	$(Q)$(BIOS_CC) -m32 $(BIOS_CFLAGS) -c -o $@ $<
$(BIOS_DIR)/bios32/%.c.o: bios/bios32/%.c
	@mkdir -p $(@D)
	@echo "  $(STEP) BIOS32 $<"
	$(Q)$(BIOS_CC) -m32 $(BIOS_CFLAGS) -fno-jump-tables -c -o $@ $<
$(BIOS_DIR)/bios32/%.S.o: bios/bios32/%.S
	@mkdir -p $(@D)
	$(Q)$(BIOS_CC) -m32 $(BIOS_CFLAGS) -c -o $@ $<
$(BIOS_DIR)/%.c.o: bios/%.c
	@mkdir -p $(@D)
	@echo "  $(STEP) BIOS16 $<"
	$(Q)$(BIOS_CC) -m16 $(BIOS_CFLAGS) -c -o $@ $<
$(BIOS_DIR)/%.S.o: bios/%.S
	@mkdir -p $(@D)
	$(Q)$(BIOS_CC) -m16 $(BIOS_CFLAGS) -c -o $@ $<

# The fonts, made by a host program.
$(BIOS_DIR)/mkfont: bios/font/mkfont.c
	@mkdir -p $(@D)
	$(Q)$(BIOS_CC) -std=gnu11 -O1 -Wall -Wextra -Werror $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<
$(BIOS_DIR)/fonts.S: $(BIOS_DIR)/mkfont bios/font/glyphs.txt
	$(Q)$(BIOS_DIR)/mkfont bios/font/glyphs.txt >$@
$(BIOS_DIR)/fonts.o: $(BIOS_DIR)/fonts.S
	$(Q)$(BIOS_CC) -m16 $(CPPFLAGS) -c -o $@ $<

# The two halves; names in the first are local except those that the other needs.
$(BIOS_DIR)/post32.o: $(BIOS_OBJ32)
	$(Q)ld -m elf_i386 -z noexecstack -r -o $@ $^
	$(Q)objcopy --keep-global-symbol=post32_start --keep-global-symbol=drive_call32 $@
$(BIOS_DIR)/services.o: $(BIOS_OBJ16)
	$(Q)ld -m elf_i386 -z noexecstack -r -o $@ $^

$(BIOS_DIR)/image.elf: $(BIOS_DIR)/post32.o $(BIOS_DIR)/services.o bios/bios.ld
	$(Q)$(BIOS_LINK) --defsym=CODE_BASE=0 --defsym=DATA_BASE=0 -o $@ $(BIOS_DIR)/post32.o $(BIOS_DIR)/services.o
$(BIOS_DIR)/bios.bin: $(BIOS_DIR)/image.elf
	@echo "  $(STEP) BIOS $@"
	$(Q)objcopy -O binary -j .post32 -j .data16 -j .text16 --gap-fill 0xff $< $@
	$(Q)test $$(stat -c %s $@) = 131072

# The link for symbols: 16-bit relocations do not reach linear addresses and are not needed, because the code is the image's.
$(BIOS_DIR)/bios.elf: $(BIOS_DIR)/image.elf
	$(Q)objcopy --remove-relocations='.text*' --remove-relocations='.fixed*' --remove-relocations='.rodata*' \
	    --remove-relocations='.data*' $(BIOS_DIR)/services.o $(BIOS_DIR)/symbols.o
	$(Q)$(BIOS_LINK) --defsym=CODE_BASE=0xf0000 --defsym=DATA_BASE=0xe8000 -o $@ $(BIOS_DIR)/post32.o $(BIOS_DIR)/symbols.o
	$(Q)for s in post32 data16 text16; do \
	    objcopy -O binary -j .$$s $< $(BIOS_DIR)/$$s.bin && objcopy --update-section .$$s=$(BIOS_DIR)/$$s.bin $@ || exit 1; done

# Both in the library: bios/builtin.h declares what is in this object.
$(BIOS_DIR)/builtin_bios.S: $(BIOS_DIR)/bios.bin $(BIOS_DIR)/bios.elf
	$(Q)printf '%s\n' '.section .rodata' '.balign 16' '.globl builtin_bios_start, builtin_bios_end' 'builtin_bios_start:' \
	    '.incbin "$(BIOS_DIR)/bios.bin"' 'builtin_bios_end:' '.globl builtin_bios_symbols_start, builtin_bios_symbols_end' \
	    'builtin_bios_symbols_start:' '.incbin "$(BIOS_DIR)/bios.elf"' 'builtin_bios_symbols_end:' \
	    '.section .note.GNU-stack,"",@progbits' >$@
$(BIOS_DIR)/builtin_bios.o: $(BIOS_DIR)/builtin_bios.S
	$(Q)$(BIOS_CC) $(CPPFLAGS) -c -o $@ $<
LIB_OBJ += $(BIOS_DIR)/builtin_bios.o

bios: $(BIOS_DIR)/bios.bin $(BIOS_DIR)/bios.elf
.PHONY: bios
-include $(BIOS_OBJ16:.o=.d) $(BIOS_OBJ32:.o=.d)
