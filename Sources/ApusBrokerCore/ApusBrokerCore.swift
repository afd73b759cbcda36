// Target ApusBrokerCore: see docs/architecture.md.
