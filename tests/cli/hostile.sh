#!/bin/bash
# hostile.sh - a program with hostile names goes through every command (tests/hostile/run; all of it: make hostile).
exec bash "$(dirname "$0")/../hostile/run" quick
