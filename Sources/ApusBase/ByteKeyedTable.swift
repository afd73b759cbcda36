/// A dictionary whose keys are runs of bytes and whose lookups need no key object: the bytes of a frame are looked up
/// as they lie there. Topics and groups are found by it, about 20 ns a lookup where `Dictionary<String, _>` needs a
/// `String` first.
///
/// Open addressing with linear probing over slots of eight bytes (hash and entry number); at most two thirds of the
/// slots are in use. Entries keep their number until they are removed. Lookups, insertions and removals take constant
/// time on average.
@frozen
public struct ByteKeyedTable<Value> {
  @usableFromInline
  struct Slot {
    @usableFromInline var hash: UInt32
    /// The entry's number, or one of the markers below.
    @usableFromInline var entry: Int32

    @inlinable
    init(hash: UInt32, entry: Int32) {
      self.hash = hash
      self.entry = entry
    }

    @inlinable static var free: Int32 { -1 }
    @inlinable static var removed: Int32 { -2 }
  }

  @usableFromInline
  struct Pair {
    @usableFromInline var key: [UInt8]
    @usableFromInline var value: Value

    @inlinable
    init(key: [UInt8], value: Value) {
      self.key = key
      self.value = value
    }
  }

  @usableFromInline var slots: [Slot]
  @usableFromInline var entries: [Pair?]
  @usableFromInline var vacant: [Int32] = []
  /// Slots that are not free: live ones and removed ones.
  @usableFromInline var usedSlots = 0
  @usableFromInline let seed: UInt64
  @usableFromInline var _count = 0

  /// How many keys are in the table.
  @inlinable public var count: Int { _count }
  /// Whether there are none.
  @inlinable public var isEmpty: Bool { _count == 0 }

  /// Makes an empty table. Tables that hold names chosen by clients take a random `seed`, so that nobody can choose
  /// names that collide.
  @inlinable
  public init(seed: UInt64 = 0) {
    self.slots = Array(repeating: Slot(hash: 0, entry: Slot.free), count: 16)
    self.entries = []
    self.seed = seed
  }

  /// The value under `key`.
  @inlinable
  public subscript(key: RawSpan) -> Value? {
    let slot = slot(of: key, hash: hash(key))
    guard slot >= 0 else { return nil }
    return entries[Int(slots[slot].entry)]?.value
  }

  /// The value under the UTF-8 bytes of `key`.
  @inlinable
  public subscript(key: String) -> Value? {
    unsafe self[key.utf8Span.span.bytes]
  }

  /// Puts `value` under `key` and returns what stood there.
  @inlinable
  @discardableResult
  public mutating func update(_ value: Value, forKey key: RawSpan) -> Value? {
    let hash = hash(key)
    let found = slot(of: key, hash: hash)
    if found >= 0 {
      let entry = Int(slots[found].entry)
      let previous = entries[entry]?.value
      entries[entry]?.value = value
      return previous
    }
    if (usedSlots + 1) * 3 > slots.count * 2 { rehash() }
    let number: Int32
    if let reused = vacant.popLast() {
      number = reused
      entries[Int(reused)] = Pair(key: key.array, value: value)
    } else {
      number = Int32(entries.count)
      entries.append(Pair(key: key.array, value: value))
    }
    var position = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[position].entry >= 0 { position = (position + 1) & (slots.count - 1) }
    if slots[position].entry == Slot.free { usedSlots += 1 }
    slots[position] = Slot(hash: hash, entry: number)
    _count += 1
    return nil
  }

  /// Changes the value under `key` in place and returns what `body` returns; nil when there is no such key.
  @inlinable
  public mutating func change<Result>(_ key: RawSpan, _ body: (inout Value) -> Result) -> Result? {
    let found = slot(of: key, hash: hash(key))
    guard found >= 0 else { return nil }
    let entry = Int(slots[found].entry)
    guard entries[entry] != nil else { return nil }
    return body(&entries[entry]!.value)
  }

  /// Puts `value` under the UTF-8 bytes of `key` and returns what stood there.
  @inlinable
  @discardableResult
  public mutating func update(_ value: Value, forKey key: String) -> Value? {
    unsafe update(value, forKey: key.utf8Span.span.bytes)
  }

  /// Takes `key` out and returns what stood there.
  @inlinable
  @discardableResult
  public mutating func remove(_ key: RawSpan) -> Value? {
    let found = slot(of: key, hash: hash(key))
    guard found >= 0 else { return nil }
    let number = slots[found].entry
    let removed = entries[Int(number)]?.value
    entries[Int(number)] = nil
    vacant.append(number)
    let next = (found + 1) & (slots.count - 1)
    if slots[next].entry == Slot.free {
      slots[found].entry = Slot.free
      usedSlots -= 1
    } else {
      slots[found].entry = Slot.removed
    }
    _count -= 1
    return removed
  }

  /// Takes the UTF-8 bytes of `key` out and returns what stood there.
  @inlinable
  @discardableResult
  public mutating func remove(_ key: String) -> Value? {
    unsafe remove(key.utf8Span.span.bytes)
  }

  /// Takes everything out and keeps the memory of the slots.
  @inlinable
  public mutating func removeAll() {
    for index in slots.indices { slots[index].entry = Slot.free }
    entries.removeAll()
    vacant.removeAll()
    usedSlots = 0
    _count = 0
  }

  /// All values, in the order their entries were made as long as none was removed.
  @inlinable
  public var values: [Value] {
    var all: [Value] = []
    all.reserveCapacity(_count)
    for case .some(let entry) in entries { all.append(entry.value) }
    return all
  }

  /// The slot that holds `key`, or −1.
  @inlinable
  func slot(of key: RawSpan, hash: UInt32) -> Int {
    let mask = slots.count - 1
    var position = Int(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[position]
      if slot.entry == Slot.free { return -1 }
      if slot.entry >= 0, slot.hash == hash, let entry = entries[Int(slot.entry)], entry.key.rawSpan.sameBytes(as: key)
      {
        return position
      }
      position = (position + 1) & mask
    }
  }

  @inlinable
  mutating func rehash() {
    var size = 16
    while (_count + 1) * 3 > size { size *= 2 }
    var fresh = Array(repeating: Slot(hash: 0, entry: Slot.free), count: size)
    for slot in slots where slot.entry >= 0 {
      var position = Int(truncatingIfNeeded: slot.hash) & (size - 1)
      while fresh[position].entry >= 0 { position = (position + 1) & (size - 1) }
      fresh[position] = slot
    }
    slots = fresh
    usedSlots = _count
  }

  /// Multiplies eight bytes at a time into 128 bits and folds the halves, as wyhash does; it need not be the same
  /// anywhere else.
  @inlinable
  func hash(_ key: RawSpan) -> UInt32 {
    var state = seed ^ 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while key.byteCount - offset >= 8 {
      state = Self.mix(state ^ key.loadBigEndian(at: offset, as: UInt64.self))
      offset += 8
    }
    var tail: UInt64 = 0
    while offset < key.byteCount {
      tail = tail << 8 | UInt64(key.byte(at: offset))
      offset += 1
    }
    state = Self.mix(state ^ tail ^ UInt64(truncatingIfNeeded: key.byteCount) << 56)
    return UInt32(truncatingIfNeeded: state ^ state >> 32)
  }

  @inlinable
  static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }
}

extension ByteKeyedTable: Sendable where Value: Sendable {}
extension ByteKeyedTable.Slot: Sendable {}
extension ByteKeyedTable.Pair: Sendable where Value: Sendable {}

extension RawSpan {
  /// Whether both hold the same bytes, compared eight at a time.
  @inlinable
  public func sameBytes(as other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    var offset = 0
    while byteCount - offset >= 8 {
      let mine = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      let theirs = unsafe other.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      if mine != theirs { return false }
      offset += 8
    }
    while offset < byteCount {
      let mine = unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
      let theirs = unsafe other.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
      if mine != theirs { return false }
      offset += 1
    }
    return true
  }
}
