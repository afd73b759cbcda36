// Target ApusRemoting: see docs/architecture.md.
