package import ApusBase

/// Which messages were stored last, by a 64-bit hash of topic and unique key: what duplicates are looked for in.
///
/// It says where a message with the same hash *may* lie in the log. Whoever asks reads the record there and compares;
/// a hash alone never makes a duplicate. One send is found for each hash, the newest, so that a client that uses one
/// key for everything costs no more than others. The newest ``capacity`` sends are kept; how old one may be is for the
/// asker to judge, who sees when the record was stored.
///
/// Two parts: a ring of entries in the order of the log (16 bytes each) and a table of ring places by hash, open
/// addressing with linear probing, at most half full (4 bytes a slot, 8 to 16 an entry). The ring's room is reserved
/// when the first send is remembered and its pages are used as they fill. Remembering and asking take constant time on
/// average. Entries have numbers that only grow, so that a file can follow what is new.
package struct RecentSends: Sendable {
  /// One send.
  package struct Entry: Hashable, Sendable {
    /// The hash of topic and unique key.
    package var hash: UInt64
    /// Where its record begins.
    package var offset: PhysicalOffset

    /// Pairs hash and offset.
    package init(hash: UInt64, offset: PhysicalOffset) {
      self.hash = hash
      self.offset = offset
    }
  }

  /// How many sends are kept at most.
  package let capacity: Int
  /// The number of the next send.
  package private(set) var next = 0
  /// The number of the oldest send that is kept.
  package private(set) var first = 0
  private var ring: [Entry] = []
  /// The ring's places plus one; 0 where a slot is free.
  private var slots: [UInt32] = []
  private var mask = 0

  /// Keeps `capacity` sends, 1 to 2^31.
  package init(capacity: Int) {
    precondition(capacity > 0 && capacity <= 1 << 31, "a window holds 1 to 2^31 sends")
    self.capacity = capacity
  }

  /// How many sends are kept now.
  package var count: Int { next - first }

  /// The bytes that the two parts take when the window is full.
  package var bytesWhenFull: Int {
    capacity * MemoryLayout<Entry>.stride + Self.slotCount(capacity) * MemoryLayout<UInt32>.stride
  }

  private static func slotCount(_ capacity: Int) -> Int {
    var slots = 16
    while slots < capacity * 2 { slots *= 2 }
    return slots
  }

  private func place(_ number: Int) -> Int { number % capacity }

  private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 20) & mask }

  /// The send with a number, which must be kept.
  package subscript(number: Int) -> Entry {
    precondition(number >= first && number < next, "send \(number) is not kept")
    return ring[place(number)]
  }

  // MARK: Asking

  /// Where the newest send with a hash lies; nil when none is kept.
  package func newest(_ hash: UInt64) -> PhysicalOffset? {
    guard mask > 0 else { return nil }
    var slot = home(hash)
    while slots[slot] != 0 {
      let entry = ring[Int(slots[slot]) - 1]
      if entry.hash == hash { return entry.offset }
      slot = (slot + 1) & mask
    }
    return nil
  }

  // MARK: Remembering

  /// Remembers a send; the oldest makes room. Offsets may only grow. An older send with the same hash is no longer
  /// found.
  package mutating func remember(_ hash: UInt64, at offset: PhysicalOffset) {
    if mask == 0 { reserve() }
    if count == capacity { forgetFirst() }
    let place = place(next)
    let entry = Entry(hash: hash, offset: offset)
    var slot = home(hash)
    while slots[slot] != 0, ring[Int(slots[slot]) - 1].hash != hash { slot = (slot + 1) & mask }
    slots[slot] = UInt32(place + 1)
    if place < ring.count { ring[place] = entry } else { ring.append(entry) }
    next += 1
  }

  private mutating func reserve() {
    slots = Array(repeating: 0, count: Self.slotCount(capacity))
    mask = slots.count - 1
    ring.reserveCapacity(capacity)
  }

  private mutating func forgetFirst() {
    let place = UInt32(place(first) + 1)
    first += 1
    var slot = home(ring[Int(place) - 1].hash)
    while slots[slot] != place {
      // A newer send with the same hash took the slot over.
      if slots[slot] == 0 { return }
      slot = (slot + 1) & mask
    }
    // What was pushed beyond the slot by it moves back, so that probing never meets a hole before its end.
    var hole = slot
    while true {
      slot = (slot + 1) & mask
      guard slots[slot] != 0 else { break }
      let wanted = home(ring[Int(slots[slot]) - 1].hash)
      if (slot &- wanted) & mask >= (slot &- hole) & mask {
        slots[hole] = slots[slot]
        hole = slot
      }
    }
    slots[hole] = 0
  }
}
