#!/bin/bash
# killed.sh - commands that write are killed at random moments: what they leave is whole (tests/killed/run; more: make killed).
exec bash "$(dirname "$0")/../killed/run" quick
