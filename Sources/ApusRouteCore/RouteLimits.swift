/// How much a route table holds. Registrations come from anyone who can connect, so that memory must have a bound: a
/// single registration is bounded by its body, all together by this. What a broker registered goes with its connection,
/// so that a hostile one holds memory only for as long as it stays connected.
package struct RouteLimits: Hashable, Sendable {
  /// How many broker addresses.
  package var brokers: Int
  /// How many pairs of topic and broker group.
  package var queueEntries: Int

  /// Sets limits; the defaults are far beyond the clusters in use.
  package init(brokers: Int = 10_000, queueEntries: Int = 4_000_000) {
    self.brokers = brokers
    self.queueEntries = queueEntries
  }
}
