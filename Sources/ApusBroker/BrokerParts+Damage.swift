import ApusBase
import ApusStore

extension BrokerParts {
  /// Parts of the log turned out to be damaged when they were read.
  func noteDamage(_ ranges: [Range<PhysicalOffset>]) {
    store.withLock { store in for range in ranges { store.noteDamage(range) } }
    threads.damageFound()
  }
}
