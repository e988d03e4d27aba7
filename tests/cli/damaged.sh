#!/bin/bash
# damaged.sh - damaged inputs of all kinds do no harm (tests/damage/run; more: make damage).
exec bash "$(dirname "$0")/../damage/run" quick
