import ApusSimulator

/// What consumers gave back, and what they were promised about it.
struct KnownTries {
  /// Asked for, by the try that was given back.
  private(set) var asked: Set<AuditedLog.Try> = []
  private(set) var answered: [AuditedLog.Try: Promise] = [:]
  /// How often a message is tried at most.
  let limit: Int32

  init(limit: Int32) { self.limit = limit }

  /// A consumer gives a message back, which it was given at this try.
  mutating func ask(_ one: AuditedLog.Try) { asked.insert(one) }

  mutating func answer(_ one: AuditedLog.Try, _ promise: Promise) {
    answered[one] = max(answered[one] ?? .none, promise)
  }

  /// The power was lost.
  mutating func losePower() { for one in answered.keys { answered[one]?.losePower() } }

  /// A start found these on the device.
  mutating func found(_ audited: AuditedLog) {
    for one in answered.keys where Self.next(one, in: audited) { answered[one] = .always }
  }

  /// Whether the next try of one that was given back is stored somewhere.
  private static func next(_ one: AuditedLog.Try, in audited: AuditedLog) -> Bool {
    var next = one
    next.times += 1
    return audited.waitingTries[next] != nil || audited.deliveredTries[next] != nil || audited.deadLetters[next] != nil
  }

  func check(_ audited: AuditedLog) throws(SimulationFailure) {
    for (kind, tries) in [("retried", audited.deliveredTries), ("dead", audited.deadLetters)] {
      for one in tries.keys {
        var last = one
        last.times -= 1
        guard asked.contains(last) else {
          throw SimulationFailure(
            "\(one.key) is \(kind) for the \(one.times). time of \(one.group), nobody gave it back")
        }
      }
    }
    for one in audited.deliveredTries.keys where one.times > limit {
      throw SimulationFailure("\(one.key) comes for the \(one.times). time to \(one.group), \(limit) are allowed")
    }
    for (one, promise) in answered where promise > .none && !Self.next(one, in: audited) {
      throw SimulationFailure("\(one.key) was taken back from \(one.group) at try \(one.times) and is lost")
    }
  }

  /// Every try that waits has come, but for those that were gone before.
  func checkEnd(_ audited: AuditedLog) throws(SimulationFailure) {
    for (one, count) in audited.presentTries where audited.deliveredTries[one, default: 0] < count {
      throw SimulationFailure("try \(one.times) of \(one.key) by \(one.group) waited and did not come")
    }
  }
}
