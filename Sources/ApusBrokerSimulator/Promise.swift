/// How long what the broker said holds.
enum Promise: Int, Comparable {
  /// It said nothing.
  case none
  /// As long as the machine has power.
  case untilPowerLoss
  /// For good.
  case always

  static func < (left: Promise, right: Promise) -> Bool { left.rawValue < right.rawValue }

  /// What an answer of a broker with this kind of flush promises.
  static func ofAnswer(isSynchronous: Bool) -> Promise { isSynchronous ? .always : .untilPowerLoss }

  /// The power was lost.
  mutating func losePower() { if self == .untilPowerLoss { self = .none } }
}
