// Target ApusStoreCore: see docs/architecture.md.
