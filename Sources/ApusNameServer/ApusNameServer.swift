// Target ApusNameServer: see docs/architecture.md.
