// Target ApusBroker: see docs/architecture.md.
