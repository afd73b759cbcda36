import ApusBase

/// The content of one simulated file: what the machine sees, and what the device holds.
///
/// Both copies are plain memory. The visible one is what segments point into, so it never moves while the file is
/// mapped. Which sectors are dirty is found by comparing the two, so that writes through a segment need not be
/// reported.
@safe
final class SimulatedFile {
  /// The unit that reaches the device whole or not at all, in bytes.
  static let sectorBytes = 512
  /// The unit in which space is used up, in bytes.
  static let blockBytes = 4096

  /// Tells files apart and orders them, so that random choices do not depend on the order of a dictionary.
  let id: Int
  /// The visible content, `capacity` bytes of which the first `length` are the file; the rest is zero.
  private(set) var visible: UnsafeMutableRawPointer
  /// The content on the device, as long.
  private(set) var durable: UnsafeMutableRawPointer
  private(set) var capacity: Int
  /// The visible length in bytes.
  private(set) var length = 0
  /// The length on the device in bytes.
  private(set) var durableLength = 0
  /// Which blocks have space on the device.
  private(set) var reserved: [Bool] = []
  /// Sectors that a failed sync gave up: the machine takes them for clean, though the device never saw them. Kept with
  /// their content then, since a later change makes them dirty again.
  private(set) var abandoned: [Int: [UInt8]] = [:]
  /// Whether a sync of the whole file system failed for this file and nobody who has it open was told.
  var failedUnseen = false
  /// How many mappings point into the visible content.
  var mappings = 0
  /// When the file was last written to.
  var modified: WallTime

  init(id: Int, modified: WallTime) {
    self.id = id
    self.modified = modified
    capacity = 16 * Self.blockBytes
    unsafe visible = Self.zeroes(capacity)
    unsafe durable = Self.zeroes(capacity)
  }

  deinit {
    unsafe visible.deallocate()
    unsafe durable.deallocate()
  }

  private static func zeroes(_ count: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: blockBytes)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    return unsafe memory
  }

  /// Makes room for `needed` bytes. A mapped file cannot move, so mapping it must come after it has its size.
  private func grow(to needed: Int) {
    guard needed > capacity else { return }
    precondition(mappings == 0, "a simulated file that is mapped cannot grow beyond its capacity")
    // Whole blocks: sectors and blocks are compared and copied as a whole, also the last one.
    let size = (max(needed, capacity * 2) + Self.blockBytes - 1) / Self.blockBytes * Self.blockBytes
    let larger = unsafe (visible: Self.zeroes(size), durable: Self.zeroes(size))
    unsafe larger.visible.copyMemory(from: visible, byteCount: capacity)
    unsafe larger.durable.copyMemory(from: durable, byteCount: capacity)
    unsafe visible.deallocate()
    unsafe durable.deallocate()
    unsafe (visible, durable) = unsafe larger
    capacity = size
  }

  func setLength(_ newLength: Int) {
    grow(to: newLength)
    if newLength < length {
      unsafe (visible + newLength).initializeMemory(as: UInt8.self, repeating: 0, count: length - newLength)
      let kept = (newLength + Self.blockBytes - 1) / Self.blockBytes
      if reserved.count > kept { reserved.removeLast(reserved.count - kept) }
    }
    length = newLength
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard let start = bytes.baseAddress, unsafe !bytes.isEmpty else { return }
    if offset + bytes.count > length { setLength(offset + bytes.count) }
    unsafe (visible + offset).copyMemory(from: start, byteCount: bytes.count)
    // Writing makes a page dirty even when it changes nothing.
    for sector in offset / Self.sectorBytes...(offset + bytes.count - 1) / Self.sectorBytes { abandoned[sector] = nil }
  }

  /// Changes bytes in memory and on the device.
  func damage(_ bytes: [UInt8], at offset: Int) {
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (visible + offset).copyMemory(from: start, byteCount: source.count)
      unsafe (durable + offset).copyMemory(from: start, byteCount: source.count)
    }
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(max(0, length - offset), buffer.count)
    if let start = buffer.baseAddress, count > 0 {
      unsafe start.copyMemory(from: visible + offset, byteCount: count)
    }
    return count
  }

  /// A copy of what is visible.
  var content: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: visible, count: length)) }

  /// The next run of blocks that are not all zeroes, from an offset on; nil when only zeroes follow.
  func data(from offset: Int) -> Range<Int>? {
    var start = offset
    while start < length, isZero(blockAt: start) { start = (start / Self.blockBytes + 1) * Self.blockBytes }
    guard start < length else { return nil }
    var end = (start / Self.blockBytes + 1) * Self.blockBytes
    while end < length, !isZero(blockAt: end) { end += Self.blockBytes }
    return start..<min(end, length)
  }

  private func isZero(blockAt offset: Int) -> Bool {
    let block = offset / Self.blockBytes * Self.blockBytes
    return unsafe UnsafeRawBufferPointer(start: visible + block, count: Self.blockBytes).allSatisfy { $0 == 0 }
  }

  /// The blocks of a range that have no space yet.
  func blocksWithoutSpace(in range: Range<Int>) -> [Int] {
    guard !range.isEmpty else { return [] }
    let blocks = range.lowerBound / Self.blockBytes...(range.upperBound - 1) / Self.blockBytes
    return blocks.filter { $0 >= reserved.count || !reserved[$0] }
  }

  func reserve(_ blocks: [Int]) {
    for block in blocks {
      while reserved.count <= block { reserved.append(false) }
      reserved[block] = true
    }
  }

  /// The space used on the device in bytes.
  var reservedBytes: Int { reserved.reduce(0) { $0 + ($1 ? Self.blockBytes : 0) } }

  /// The sectors of a range whose visible bytes differ from those on the device.
  func dirtySectors(in range: Range<Int>) -> [Int] {
    guard !range.isEmpty else { return [] }
    var sectors: [Int] = []
    for sector in range.lowerBound / Self.sectorBytes...(range.upperBound - 1) / Self.sectorBytes {
      let offset = sector * Self.sectorBytes
      var word = 0
      while word < Self.sectorBytes {
        let mine = unsafe (visible + offset + word).load(as: UInt64.self)
        if unsafe mine != (durable + offset + word).load(as: UInt64.self) {
          sectors.append(sector)
          break
        }
        word += 8
      }
    }
    return sectors
  }

  /// Brings sectors to the device, apart from those that an earlier failed sync gave up and nobody wrote since.
  func persist(_ sectors: [Int]) {
    for sector in sectors {
      if let given = abandoned[sector] {
        if given == content(of: sector) { continue }
        abandoned[sector] = nil
      }
      let offset = sector * Self.sectorBytes
      unsafe (durable + offset).copyMemory(from: visible + offset, byteCount: Self.sectorBytes)
    }
  }

  /// Brings the length to the device; bytes beyond it are gone there too.
  func persistLength() {
    if length < durableLength {
      unsafe (durable + length).initializeMemory(as: UInt8.self, repeating: 0, count: durableLength - length)
    }
    durableLength = length
  }

  /// Gives sectors up, as Linux does when writing them back failed: they count as clean from now on.
  func abandon(_ sectors: [Int]) {
    for sector in sectors { abandoned[sector] = content(of: sector) }
  }

  private func content(of sector: Int) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: visible + sector * Self.sectorBytes, count: Self.sectorBytes))
  }

  /// The file as the next start finds it when the memory of the machine survives.
  func keptAlive() -> SimulatedFile {
    let copy = SimulatedFile(id: id, modified: modified)
    copy.grow(to: capacity)
    unsafe copy.visible.copyMemory(from: visible, byteCount: capacity)
    unsafe copy.durable.copyMemory(from: durable, byteCount: capacity)
    copy.length = length
    copy.durableLength = durableLength
    copy.reserved = reserved
    copy.abandoned = abandoned
    return copy
  }

  /// The file as the next start finds it after the power was lost: what the device has, and those dirty sectors, and
  /// that length, which happened to be written back.
  func afterPowerLoss(using random: inout SeededGenerator) -> SimulatedFile {
    let copy = SimulatedFile(id: id, modified: modified)
    copy.grow(to: capacity)
    unsafe copy.durable.copyMemory(from: durable, byteCount: capacity)
    let share = Int.random(in: 0...4, using: &random)
    for sector in dirtySectors(in: 0..<capacity) where abandoned[sector] == nil && random.chance(share, in: 4) {
      let offset = sector * Self.sectorBytes
      unsafe (copy.durable + offset).copyMemory(from: visible + offset, byteCount: Self.sectorBytes)
    }
    copy.durableLength = length == durableLength || random.chance(1, in: 2) ? length : durableLength
    copy.length = copy.durableLength
    copy.reserved = reserved
    let rest = capacity - copy.length
    unsafe (copy.durable + copy.length).initializeMemory(as: UInt8.self, repeating: 0, count: rest)
    unsafe copy.visible.copyMemory(from: copy.durable, byteCount: capacity)
    return copy
  }
}
