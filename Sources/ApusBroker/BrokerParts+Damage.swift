import ApusBase
import ApusModel
import ApusStore

extension BrokerParts {
  /// Parts of the log turned out to be damaged when they were read.
  func noteDamage(_ ranges: [Range<PhysicalOffset>]) {
    store.withLock { store in for range in ranges { store.noteDamage(range) } }
    threads.damageFound()
  }

  /// Whether a record that was read to be stored once more has its body as it was stored; a damaged one is told.
  func isIntact(_ record: borrowing StoredRecord, at range: Fetch.Range) -> Bool {
    if record.bodyMatchesCRC { return true }
    noteDamage([range.offset..<range.offset + range.range.count])
    return false
  }
}
