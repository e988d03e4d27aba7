#!/bin/bash
# boots-long.sh - real boots of Linux, GRUB, OVMF and user-mode Linux under asan and ubsan (boots.sh).
exec bash "$(dirname "$0")/boots.sh" all
