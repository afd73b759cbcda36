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

/// A message as its sender knows it. The unique key names it everywhere.
struct SimulatedMessage {
  /// What is to become of it.
  enum Kind: Equatable {
    /// It is readable at once.
    case plain
    /// It waits in a delay level, from 1.
    case level(Int)
    /// It waits until a moment.
    case timer(due: Int64)
    /// It waits for the end of a transaction.
    case half(HalfPlan)
    /// It takes another one out that waits.
    case cancel(of: String)
    /// It answers a client that asked, the producer of this number, and is handed to it.
    case reply(to: Int)
  }

  /// Where an answer said that it lies.
  struct Place: Equatable {
    var offset: Int64
    var queueOffset: Int64
    var promise: Promise
  }

  var key: String
  var kind: Kind
  var topic: String
  var queue: Int32
  var body: [UInt8]
  /// The light queues that it names.
  var lightQueues: [String] = []
  /// How often it was sent, repetitions by the network included.
  var attempts = 0
  var places: [Place] = []
  /// Whether somebody may have asked to commit it, or to roll it back.
  var mayCommit = false
  var mayRollBack = false
  /// Whether somebody asked to cancel it.
  var mayBeCancelled = false

  /// What the answers so far promise at most.
  var promise: Promise { places.map(\.promise).max() ?? .none }
}

/// What the sender of a half message does about it.
struct HalfPlan: Equatable {
  /// Whether it wants the message delivered.
  var commits: Bool
  /// It contradicts itself sooner or later.
  var isUndecided: Bool
  /// It says so by itself; else it waits to be asked.
  var endsUnasked: Bool
}

/// Everything that clients sent, and what they were promised about it: the truth that a log is held against.
struct KnownMessages {
  private(set) var messages: [String: SimulatedMessage] = [:]
  /// In the order of their making.
  private(set) var keys: [String] = []

  subscript(key: String) -> SimulatedMessage? {
    get { messages[key] }
    set { messages[key] = newValue }
  }

  mutating func add(_ message: SimulatedMessage) {
    messages[message.key] = message
    keys.append(message.key)
  }

  mutating func answered(_ key: String, _ place: SimulatedMessage.Place) {
    guard let index = messages[key]?.places.firstIndex(where: { $0.offset == place.offset }) else {
      messages[key]?.places.append(place)
      return
    }
    let known = messages[key]?.places[index].promise ?? .none
    messages[key]?.places[index].promise = max(known, place.promise)
  }

  /// The power was lost: what was promised until then is not any more.
  mutating func losePower() {
    for key in keys {
      for index in messages[key]?.places.indices ?? 0..<0 { messages[key]?.places[index].promise.losePower() }
    }
  }

  /// A start found these on the device. What an answer named and is not among them is not there any more.
  mutating func found(_ isThere: (SimulatedMessage.Place, String) -> Bool) {
    for key in keys {
      guard let places = messages[key]?.places else { continue }
      messages[key]?.places = places.compactMap { place in
        guard isThere(place, key) else { return place.promise == .none ? nil : place }
        var kept = place
        kept.promise = .always
        return kept
      }
    }
  }
}
