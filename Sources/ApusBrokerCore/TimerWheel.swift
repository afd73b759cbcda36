package import ApusBase

/// What is to happen at which millisecond: a hierarchical timing wheel of messages that wait in the log.
///
/// A timer is 32 bytes: when it is due, where its record lies, the hash of the key by which it can be cancelled and its
/// two neighbours. Six levels of 64 slots span 2³⁶ ms, more than two years; a timer moves down at most five times.
/// Adding, taking and removing cost a constant number of steps, and time without timers is passed over by bit maps, so
/// that a clock that leaps forward costs nothing but what it makes due.
///
/// Timers come out in the order in which they are due, those of one millisecond in the order in which they were added.
/// None comes out before ``popDue(now:)`` is told that its time has come: a clock that was set back makes the wheel
/// lay everything out anew.
///
/// A timer that was taken out stays known, in ``forEach(_:)`` too, until ``remove(_:)``: what is being delivered is not
/// done yet.
package struct TimerWheel: Sendable {
  /// A timer's number, used again after ``remove(_:)``.
  package typealias ID = UInt32

  /// One message that waits.
  package struct Timer: Hashable, Sendable {
    /// When it is delivered.
    package var due: WallTime
    /// Where its record lies.
    package var offset: PhysicalOffset
    /// ``TimerKey`` of what it can be cancelled by; 0 for nothing.
    package var key: UInt64

    /// Puts a timer together.
    package init(due: WallTime, offset: PhysicalOffset, key: UInt64) {
      self.due = due
      self.offset = offset
      self.key = key
    }
  }

  /// | Bytes | Field |
  /// |---|---|
  /// | 8 | due, ms since 1970 |
  /// | 8 | offset in the log, or −1 when free |
  /// | 8 | key |
  /// | 4 + 4 | next and previous in the slot |
  fileprivate struct Entry {
    var due: Int64
    var offset: Int64
    var key: UInt64
    var next: ID
    var previous: ID
  }

  private struct Slot {
    var head = TimerWheel.none
    var tail = TimerWheel.none
  }

  private static let none = ID.max
  private static let levelCount = 6
  private static let slotBits = 6
  private static let slotCount = 64
  private static let span = Int64(1) << (levelCount * slotBits)
  /// Entries are kept in pages, so that a copy made for a snapshot costs the pages that change while it is written.
  private static let pageBits = 12
  private static let pageEntries = 1 << pageBits

  private var pages: [ContiguousArray<Entry>] = []
  private var slots = ContiguousArray(repeating: Slot(), count: TimerWheel.levelCount * TimerWheel.slotCount)
  private var occupied = ContiguousArray<UInt64>(repeating: 0, count: TimerWheel.levelCount)
  private var firstFree = TimerWheel.none
  private var keys = TimerKeyIndex()
  /// Everything due before it was taken out.
  private var elapsed: Int64
  /// How many timers are known, those taken out and not removed among them.
  package private(set) var count = 0

  /// An empty wheel whose time begins at `now`.
  package init(now: WallTime) { elapsed = max(now.milliseconds, 0) }

  // MARK: Entries

  private subscript(id: ID) -> Entry {
    get { pages[Int(id) >> Self.pageBits][Int(id) & (Self.pageEntries - 1)] }
    _modify { yield &pages[Int(id) >> Self.pageBits][Int(id) & (Self.pageEntries - 1)] }
  }

  /// A known timer.
  package func timer(_ id: ID) -> Timer {
    let entry = self[id]
    precondition(entry.offset >= 0, "timer \(id) is not known")
    return Timer(
      due: WallTime(milliseconds: entry.due), offset: PhysicalOffset(entry.offset), key: entry.key)
  }

  /// Whether a timer is known and waits at this place.
  package func knows(_ id: ID, at offset: PhysicalOffset) -> Bool {
    let (page, index) = (Int(id) >> Self.pageBits, Int(id) & (Self.pageEntries - 1))
    return page < pages.count && index < pages[page].count && pages[page][index].offset == offset.rawValue
  }

  /// Calls `body` with every known timer, in no order.
  package func forEach(_ body: (ID, Timer) -> Void) {
    for (number, page) in pages.enumerated() {
      for index in page.indices where page[index].offset >= 0 {
        let id = ID(number << Self.pageBits | index)
        body(id, timer(id))
      }
    }
  }

  /// A copy of the timers alone, which stays as it is while the wheel turns.
  package var snapshot: Snapshot { Snapshot(pages: pages, count: count) }

  /// Timers as they were at one moment.
  package struct Snapshot: Sendable {
    private let pages: [ContiguousArray<Entry>]
    /// How many there are.
    package let count: Int

    fileprivate init(pages: [ContiguousArray<Entry>], count: Int) {
      self.pages = pages
      self.count = count
    }

    /// Calls `body` with each, in no order.
    package func forEach(_ body: (Timer) -> Void) {
      for page in pages {
        for entry in page where entry.offset >= 0 {
          body(
            Timer(due: WallTime(milliseconds: entry.due), offset: PhysicalOffset(entry.offset), key: entry.key))
        }
      }
    }
  }

  private mutating func allocate(_ timer: Timer) -> ID {
    let entry = Entry(
      due: timer.due.milliseconds, offset: timer.offset.rawValue, key: timer.key, next: Self.none,
      previous: Self.none)
    count += 1
    if firstFree != Self.none {
      let id = firstFree
      firstFree = self[id].next
      self[id] = entry
      return id
    }
    if pages.last?.count ?? Self.pageEntries == Self.pageEntries {
      var page: ContiguousArray<Entry> = []
      page.reserveCapacity(Self.pageEntries)
      pages.append(page)
    }
    pages[pages.count - 1].append(entry)
    return ID((pages.count - 1) << Self.pageBits | (pages[pages.count - 1].count - 1))
  }

  // MARK: Adding and removing

  /// Adds a timer. One whose time has come is taken out next.
  @discardableResult
  package mutating func add(_ timer: Timer) -> ID {
    precondition(timer.offset.rawValue >= 0, "a timer without a place")
    let id = allocate(timer)
    link(id, due: timer.due.milliseconds)
    if timer.key != 0 { index(id, timer.key) }
    return id
  }

  /// Forgets a timer, whether it waits or was taken out.
  package mutating func remove(_ id: ID) {
    let entry = self[id]
    precondition(entry.offset >= 0, "timer \(id) is not known")
    if isLinked(id) { unlink(id) }
    if entry.key != 0 { unindex(id, entry.key) }
    self[id] = Entry(due: 0, offset: -1, key: 0, next: firstFree, previous: Self.none)
    firstFree = id
    count -= 1
  }

  /// The record of a timer lies elsewhere now.
  package mutating func move(_ id: ID, to offset: PhysicalOffset) {
    precondition(self[id].offset >= 0 && offset.rawValue >= 0, "timer \(id) is not known")
    self[id].offset = offset.rawValue
  }

  /// Puts back one that was taken out, to come out again next.
  package mutating func putBack(_ id: ID) { link(id, due: self[id].due) }

  /// A timer of this key; nil when there is none.
  package func find(key: UInt64) -> ID? { key == 0 ? nil : keys.find(key) { self[$0].key } }

  // In functions of their own, so that nothing shares the pages any more when they change.
  private mutating func index(_ id: ID, _ key: UInt64) {
    let pages = pages
    keys.insert(id, key) { Self.key(of: $0, in: pages) }
  }

  private mutating func unindex(_ id: ID, _ key: UInt64) {
    let pages = pages
    keys.remove(id, key) { Self.key(of: $0, in: pages) }
  }

  private static func key(of id: ID, in pages: [ContiguousArray<Entry>]) -> UInt64 {
    pages[Int(id) >> pageBits][Int(id) & (pageEntries - 1)].key
  }

  // MARK: Slots

  /// The slot for a time: the level is that of the highest digit in which it differs from the wheel's time.
  private func slot(of due: Int64) -> Int {
    // At most 63 slots of the last level ahead: the 64th is the current one.
    let time = min(max(due, elapsed), elapsed + Self.span / 64 * 63)
    let difference = UInt64(bitPattern: time ^ elapsed)
    let level = difference == 0 ? 0 : min((63 - difference.leadingZeroBitCount) / Self.slotBits, Self.levelCount - 1)
    return level * Self.slotCount + Int(time >> Int64(level * Self.slotBits)) & (Self.slotCount - 1)
  }

  // A taken timer points to itself, which no linked one does.
  private func isLinked(_ id: ID) -> Bool { self[id].next != id }

  private mutating func link(_ id: ID, due: Int64) {
    let index = slot(of: due)
    let last = slots[index].tail
    self[id].next = Self.none
    // The head remembers its slot: slots are found by it when the timer is cancelled.
    self[id].previous = last == Self.none ? Self.headMark | ID(index) : last
    if last == Self.none { slots[index].head = id } else { self[last].next = id }
    slots[index].tail = id
    occupied[index / Self.slotCount] |= 1 << UInt64(index % Self.slotCount)
  }

  private static let headMark: ID = 1 << 31

  private mutating func unlink(_ id: ID) {
    let (next, previous) = (self[id].next, self[id].previous)
    let isHead = previous & Self.headMark != 0
    var index: Int?
    if isHead {
      index = Int(previous & ~Self.headMark)
    } else {
      self[previous].next = next
      if next == Self.none { index = slot(ofTail: id) }
    }
    if next != Self.none { self[next].previous = previous }
    if let index {
      if isHead { slots[index].head = next }
      if next == Self.none { slots[index].tail = isHead ? Self.none : previous }
      if slots[index].head == Self.none {
        occupied[index / Self.slotCount] &= ~(1 << UInt64(index % Self.slotCount))
      }
    }
    self[id].next = id
  }

  /// The slot that ends with a timer: the levels' time may have moved since it was put there, its digit has not.
  private func slot(ofTail id: ID) -> Int {
    let due = self[id].due
    for level in 0..<Self.levelCount {
      let index = level * Self.slotCount + Int(due >> Int64(level * Self.slotBits)) & (Self.slotCount - 1)
      if slots[index].tail == id { return index }
    }
    guard let index = slots.firstIndex(where: { $0.tail == id }) else {
      preconditionFailure("timer \(id) is in no slot")
    }
    return index
  }

  // MARK: Time

  /// Takes out the next timer that is due; nil when none is.
  package mutating func popDue(now: WallTime) -> ID? {
    let time = max(now.milliseconds, 0)
    if time < elapsed { turnBack(to: time) }
    while let (index, start) = nextSlot, start <= time {
      elapsed = max(elapsed, start)
      let head = slots[index].head
      if index < Self.slotCount {
        unlink(head)
        return head
      }
      cascade(index)
    }
    elapsed = time
    return nil
  }

  /// When there is something to do next: no later than the first timer is due. Nil when none waits.
  package var nextTime: WallTime? { nextSlot.map { WallTime(milliseconds: $0.start) } }

  /// The occupied slot that comes first, and when it begins.
  private var nextSlot: (index: Int, start: Int64)? {
    for level in 0..<Self.levelCount where occupied[level] != 0 {
      let shift = Int64(level * Self.slotBits)
      let current = Int(elapsed >> shift) & (Self.slotCount - 1)
      // Slots before the current one belong to the next turn of the last level.
      let ahead = occupied[level] >> UInt64(current)
      let turn = elapsed & ~(Int64(Self.slotCount) << shift - 1)
      if ahead != 0 {
        let slot = current + ahead.trailingZeroBitCount
        return (level * Self.slotCount + slot, turn + Int64(slot) << shift)
      }
      let slot = occupied[level].trailingZeroBitCount
      return (level * Self.slotCount + slot, turn + Int64(Self.slotCount + slot) << shift)
    }
    return nil
  }

  /// Hands the timers of a slot to lower levels, in their order.
  private mutating func cascade(_ index: Int) {
    var id = slots[index].head
    slots[index] = Slot()
    occupied[index / Self.slotCount] &= ~(1 << UInt64(index % Self.slotCount))
    while id != Self.none {
      let next = self[id].next
      link(id, due: self[id].due)
      id = next
    }
  }

  /// The clock was set back: lays everything out anew. Takes as long as there are timers.
  private mutating func turnBack(to time: Int64) {
    elapsed = time
    var heads: [ID] = []
    for index in slots.indices where slots[index].head != Self.none { heads.append(slots[index].head) }
    slots = ContiguousArray(repeating: Slot(), count: Self.levelCount * Self.slotCount)
    occupied = ContiguousArray(repeating: 0, count: Self.levelCount)
    // Of equal times all lie in one slot, in their order.
    for head in heads {
      var id = head
      while id != Self.none {
        let next = self[id].next
        link(id, due: self[id].due)
        id = next
      }
    }
  }
}
