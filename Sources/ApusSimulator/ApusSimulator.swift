// Target ApusSimulator: see docs/architecture.md.
