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
    /// Where the key lies in `keys`.
    @usableFromInline var start: Int
    @usableFromInline var count: Int
    /// Nil while the number is vacant.
    @usableFromInline var value: Value?

    @inlinable
    init(start: Int, count: Int, value: Value) {
      self.start = start
      self.count = count
      self.value = value
    }
  }

  @usableFromInline var slots: [Slot]
  @usableFromInline var pairs: [Pair]
  /// The bytes of all keys, one behind the other, with those of removed keys among them.
  @usableFromInline var keys: [UInt8] = []
  @usableFromInline var removedKeyBytes = 0
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
    self.pairs = []
    self.seed = seed
  }

  /// The value under `key`.
  @inlinable
  public subscript(key: RawSpan) -> Value? {
    let slot = slot(of: key, hash: hash(key))
    guard slot >= 0 else { return nil }
    return pairs[Int(slots[slot].entry)].value
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
      let number = Int(slots[found].entry)
      let previous = pairs[number].value
      pairs[number].value = value
      return previous
    }
    if (usedSlots + 1) * 3 > slots.count * 2 { rehash() }
    if removedKeyBytes > 1024, removedKeyBytes * 2 > keys.count { compactKeys() }
    let pair = Pair(start: keys.count, count: key.byteCount, value: value)
    unsafe key.withUnsafeBytes { unsafe keys.append(contentsOf: $0) }
    let number: Int32
    if let reused = vacant.popLast() {
      number = reused
      pairs[Int(reused)] = pair
    } else {
      number = Int32(pairs.count)
      pairs.append(pair)
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
    let number = Int(slots[found].entry)
    guard pairs[number].value != nil else { return nil }
    return body(&pairs[number].value!)
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
    let removed = pairs[Int(number)].value
    pairs[Int(number)].value = nil
    removedKeyBytes += pairs[Int(number)].count
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
    pairs.removeAll()
    keys.removeAll()
    removedKeyBytes = 0
    vacant.removeAll()
    usedSlots = 0
    _count = 0
  }

  /// All values, in the order their entries were made as long as none was removed.
  @inlinable
  public var values: [Value] {
    var all: [Value] = []
    all.reserveCapacity(_count)
    for pair in pairs {
      if let value = pair.value { all.append(value) }
    }
    return all
  }

  /// The slot that holds `key`, or −1.
  @inlinable
  func slot(of key: RawSpan, hash: UInt32) -> Int {
    let mask = slots.count - 1
    let length = key.byteCount
    var position = Int(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[position]
      if slot.entry == Slot.free { return -1 }
      if slot.entry >= 0, slot.hash == hash {
        let start = pairs[Int(slot.entry)].start
        if pairs[Int(slot.entry)].count == length,
          keys.rawSpan.extracting(start..<start + length).sameBytes(as: key)
        {
          return position
        }
      }
      position = (position + 1) & mask
    }
  }

  /// Drops the bytes of removed keys.
  @usableFromInline
  mutating func compactKeys() {
    var kept: [UInt8] = []
    kept.reserveCapacity(keys.count - removedKeyBytes)
    for index in pairs.indices where pairs[index].value != nil {
      let range = pairs[index].start..<pairs[index].start + pairs[index].count
      pairs[index].start = kept.count
      kept += keys[range]
    }
    keys = kept
    removedKeyBytes = 0
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

  /// Multiplies eight bytes at a time into 128 bits and folds the halves, as wyhash does, the last eight overlapping
  /// what came before; it need not be the same anywhere else.
  @inlinable
  func hash(_ key: RawSpan) -> UInt32 {
    let length = key.byteCount
    var state = seed ^ 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: length) << 56
    if length >= 8 {
      var offset = 0
      while length - offset > 8 {
        state = unsafe Self.mix(state ^ key.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
        offset += 8
      }
      state = unsafe Self.mix(state ^ key.unsafeLoadUnaligned(fromUncheckedByteOffset: length - 8, as: UInt64.self))
    } else {
      var word: UInt64 = 0
      for offset in 0..<length {
        word = unsafe word << 8 | UInt64(key.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
      }
      state = Self.mix(state ^ word)
    }
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
  /// Whether both hold the same bytes, compared eight at a time, the last eight overlapping those before.
  @inlinable
  public func sameBytes(as other: RawSpan) -> Bool {
    let length = byteCount
    guard length == other.byteCount else { return false }
    guard length >= 8 else {
      for offset in 0..<length {
        let mine = unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
        let theirs = unsafe other.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
        if mine != theirs { return false }
      }
      return true
    }
    var offset = 0
    while true {
      let mine = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      let theirs = unsafe other.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      if mine != theirs { return false }
      if offset == length - 8 { return true }
      offset = Swift.min(offset + 8, length - 8)
    }
  }
}
