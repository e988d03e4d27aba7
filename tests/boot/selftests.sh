#!/bin/bash
# selftests.sh - the quick ones of Linux's x86 self tests, against tests/selftests/results (all of them, and QEMU: make test-selftests).
exec "$(dirname "$0")/../selftests/run" short
