// Target ApusStore: see docs/architecture.md.
