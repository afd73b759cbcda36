package import ApusBase

/// How much came in the last while: a sum and a count over a few slots of equal length, the oldest of which is
/// forgotten when a new one begins.
package struct SlidingSum: Sendable {
  private struct Slot {
    var number: Int64 = .min
    var sum: Int64 = 0
    var count: Int64 = 0
  }

  private let slotLength: Duration
  private var slots: [Slot]

  /// Covers `slotCount` slots of `slotLength` each.
  package init(slotLength: Duration, slotCount: Int) {
    precondition(slotLength > .zero && slotCount > 0, "a window has slots")
    self.slotLength = slotLength
    slots = Array(repeating: Slot(), count: slotCount)
  }

  /// `count` things have come that make up `sum` together.
  package mutating func add(_ sum: Int64, count: Int64 = 1, now: MonotonicTime) {
    let number = self.number(of: now)
    let index = Int(((number % Int64(slots.count)) + Int64(slots.count)) % Int64(slots.count))
    if slots[index].number != number { slots[index] = Slot(number: number) }
    slots[index].sum &+= sum
    slots[index].count &+= count
  }

  /// What came within the window that ends now.
  package func total(now: MonotonicTime) -> (sum: Int64, count: Int64) {
    let last = number(of: now)
    return slots.reduce(into: (0, 0)) { total, slot in
      guard slot.number > last - Int64(slots.count), slot.number <= last else { return }
      total.sum &+= slot.sum
      total.count &+= slot.count
    }
  }

  private func number(of time: MonotonicTime) -> Int64 { time.rawValue / slotLength.nanoseconds }
}
