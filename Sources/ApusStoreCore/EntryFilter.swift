/// Which messages a pull wants, by what queue entries and their extension units tell.
package enum EntryFilter: Hashable, Sendable {
  /// All.
  case all
  /// Those whose tags have one of these hashes. Others with the same hash pass too; the client looks again.
  case hashes([Int32])
  /// Those that may meet a condition. Entries without a unit pass.
  case bits(BitFilter)

  /// Whether an entry with this tags code passes. The address of an extension unit, which holds the hash, passes, as it
  /// does in Java when the unit is lost.
  package func matches(_ tagsCode: Int64) -> Bool {
    switch self {
    case .all, .bits: true
    case .hashes(let hashes):
      ConsumeQueueExtension.isAddress(tagsCode) || hashes.contains(Int32(truncatingIfNeeded: tagsCode))
    }
  }

  /// Whether an entry with this unit passes.
  package func matches(_ unit: ConsumeQueueExtension) -> Bool {
    switch self {
    case .all: true
    case .hashes: ConsumeQueueExtension.isAddress(unit.tagsCode) || matches(unit.tagsCode)
    case .bits(let filter): filter.mayPass(unit)
    }
  }

  /// Whether units are looked at.
  package var looksAtUnits: Bool { if case .all = self { false } else { true } }
}
