#!/bin/bash
# bios-loaders.sh - the quick ones of the boot loaders that nobody here wrote (tests/bios/loaders.sh; make test-loaders: all of them).
exec bash "$(dirname "$0")/../bios/loaders.sh" isolinux syslinux-disk memtest-kernel ipxe-kernel
