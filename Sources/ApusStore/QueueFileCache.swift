import ApusBase
import ApusStoreCore

/// The open files of all queues: a bounded number, those not used for longest given up first (second chance). Files
/// that a plan still uses stay open until it lets go of them.
struct QueueFileCache {
  struct Key: Hashable, Sendable {
    var queue: Int
    var start: Int64
    /// Whether the file is one of extension units.
    var isExtension = false
  }

  private struct Entry {
    var key: Key
    var file: OpenFile
    var wasUsed: Bool
  }

  private var entries: [Entry] = []
  private var positions: [Key: Int] = [:]
  private var hand = 0
  private let limit: Int

  init(limit: Int) { self.limit = max(limit, 4) }

  mutating func file(_ key: Key) -> OpenFile? {
    guard let position = positions[key] else { return nil }
    entries[position].wasUsed = true
    return entries[position].file
  }

  mutating func insert(_ key: Key, _ file: OpenFile) {
    if let position = positions[key] {
      entries[position].file = file
      return
    }
    if entries.count < limit {
      positions[key] = entries.count
      entries.append(Entry(key: key, file: file, wasUsed: true))
      return
    }
    while entries[hand].wasUsed {
      entries[hand].wasUsed = false
      hand = (hand + 1) % entries.count
    }
    positions[entries[hand].key] = nil
    entries[hand] = Entry(key: key, file: file, wasUsed: true)
    positions[key] = hand
    hand = (hand + 1) % entries.count
  }

  mutating func remove(where matches: (Key) -> Bool) {
    entries.removeAll { matches($0.key) }
    positions = [:]
    for (position, entry) in entries.enumerated() { positions[entry.key] = position }
    hand = 0
  }
}
