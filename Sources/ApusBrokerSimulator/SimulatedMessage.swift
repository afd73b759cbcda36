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
  /// Whether somebody may have asked to commit it.
  var mayCommit = false
  /// Whether somebody asked to cancel it.
  var mayBeCancelled = false
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
