// Target ApusRouteCore: see docs/architecture.md.
