import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// One queue that this consumer has at present: what was pulled of it and how far it got.
final class QueueWork: Sendable {
  private struct State {
    var messages: ProcessQueue<ReceivedMessage>
    var nextOffset: Int64
    /// What the group's offset was set to last; nil for nothing yet.
    var committed: Int64?
    var isDropped = false
    var isConsuming = false
    var isLeaving = false
    var lockedUntil: MonotonicTime?
    var pull: PendingAnswer<PullAnswer>?
    var lastPull = SystemClock.monotonic()
    var lastConsume = SystemClock.monotonic()
    var lastLock = SystemClock.monotonic()
    var room: PendingAnswer<Void>?
  }

  let queue: MessageQueue
  private let state: Locked<State>

  init(_ queue: MessageQueue, from offset: Int64) {
    self.queue = queue
    state = Locked(State(messages: ProcessQueue(from: offset), nextOffset: offset))
  }

  /// Whether the queue belongs to somebody else now.
  var isDropped: Bool { state.withLock { $0.isDropped } }
  /// Whether it is to be taken out as soon as nobody consumes in order any more.
  var isLeaving: Bool { state.withLock { $0.isLeaving } }
  /// Where the next pull begins.
  var nextOffset: Int64 { state.withLock { $0.nextOffset } }
  /// Up to where everything is consumed.
  var consumed: Int64 { state.withLock { $0.messages.consumed } }
  /// How many messages wait or are being consumed.
  var count: Int { state.withLock { $0.messages.count } }
  /// How many bytes these have.
  var bytes: Int { state.withLock { $0.messages.bytes } }
  /// When it was pulled from last.
  var lastPull: MonotonicTime { state.withLock { $0.lastPull } }

  /// Gives the queue up: a pull that waits ends now.
  func drop() {
    let waiting = state.withLock { state in
      state.isDropped = true
      defer { (state.pull, state.room) = (nil, nil) }
      return (state.pull, state.room)
    }
    waiting.0?.resolve(.failure(ClientError(.cancelled, "the queue was given up")))
    waiting.1?.resolve(())
  }

  /// Gives the queue up as far as that goes now. False while it is being consumed in order: whoever does that hears of
  /// it when done (``endConsuming()``). With an offset it counts as consumed up to there, whatever is under way.
  func leave(goingOnAt offset: Int64? = nil) -> Bool {
    drop()
    return state.withLock { state in
      if let offset { state.messages.reset(to: offset) }
      state.isLeaving = state.isConsuming
      return !state.isConsuming
    }
  }

  /// A pull from an offset begins whose answer can be cut short. False when the queue was given up or goes on
  /// elsewhere.
  func beginPull(_ pull: PendingAnswer<PullAnswer>, from offset: Int64) -> Bool {
    state.withLock { state in
      guard !state.isDropped, state.nextOffset == offset else { return false }
      state.pull = pull
      state.lastPull = SystemClock.monotonic()
      return true
    }
  }

  /// Adds messages that were pulled from an offset on, and moves on. False when the queue was given up or goes on
  /// elsewhere meanwhile: then they are not wanted.
  func put(_ messages: [ReceivedMessage], from offset: Int64, nextOffset: Int64) -> Bool {
    state.withLock { state in
      guard !state.isDropped, state.nextOffset == offset else { return false }
      state.pull = nil
      state.messages.put(
        messages.map { (offset: $0.queueOffset, bytes: $0.body.count, message: $0) }, nextOffset: nextOffset)
      state.nextOffset = nextOffset
      return true
    }
  }

  /// Takes up to `limit` messages to consume.
  func take(_ limit: Int) -> [ReceivedMessage] {
    let now = SystemClock.monotonic()
    return state.withLock { $0.messages.take(limit, now: now).map(\.message) }
  }

  /// Whether a message is in hand and not consumed.
  func holds(_ message: ReceivedMessage) -> Bool { state.withLock { $0.messages.holds(message.queueOffset) } }

  /// Up to `limit` of the messages that are being consumed for `time` or longer.
  func overdue(after time: Duration, limit: Int) -> [ReceivedMessage] {
    let now = SystemClock.monotonic()
    return state.withLock { $0.messages.overdue(after: time, now: now, limit: limit) }
  }

  /// Messages are consumed.
  func finish(_ messages: [ReceivedMessage]) {
    let room = state.withLock { state in
      state.messages.finish(messages.map(\.queueOffset))
      state.lastConsume = SystemClock.monotonic()
      defer { state.room = nil }
      return state.room
    }
    room?.resolve(())
  }

  /// In order, messages come again; as they are told.
  func putBack(_ messages: [ReceivedMessage]) {
    state.withLock { state in
      for message in messages { state.messages.update(message.queueOffset, message) }
      state.messages.putBack()
    }
  }

  /// Waits until there may be room for more, at most as long as told.
  func room(within limit: Duration) async {
    let pending = PendingAnswer<Void>()
    let isDropped = state.withLock { state in
      if !state.isDropped { state.room = pending }
      return state.isDropped
    }
    guard !isDropped else { return }
    await pending.wait(atMost: limit)
  }

  /// Whether no more should be pulled for now.
  func isFull(_ limits: ProcessQueue<ReceivedMessage>.Limits) -> Bool { state.withLock { $0.messages.isFull(limits) } }

  /// Forgets what was pulled and goes on elsewhere: a pull that waits ends now. With `current` only as long as the next
  /// pull begins there.
  func reset(to offset: Int64, from current: Int64? = nil) {
    let pull = state.withLock { state -> PendingAnswer<PullAnswer>? in
      if let current, state.nextOffset != current { return nil }
      state.messages.reset(to: offset)
      state.nextOffset = offset
      defer { state.pull = nil }
      return state.pull
    }
    pull?.resolve(.success(.nothing(goOnAt: offset)))
  }

  /// What was taken is consumed, or with `offset` what of it lies before that.
  func finishTaken(before offset: Int64? = nil) { state.withLock { _ = $0.messages.finishTaken(before: offset) } }

  // MARK: Progress

  /// Up to where it is consumed, if that is to be committed: nil when it has been, and for a queue that was given up
  /// unless this is the `isLast` time.
  func due(isLast: Bool) -> Int64? {
    state.withLock { state in
      guard isLast || !state.isDropped, state.messages.consumed != state.committed else { return nil }
      return state.messages.consumed
    }
  }

  /// The group's offset is this one now.
  func committed(_ offset: Int64) { state.withLock { $0.committed = offset } }

  // MARK: Order

  /// The broker keeps the queue for this consumer until then; nil when it does not.
  func locked(until time: MonotonicTime?) {
    state.withLock { state in
      state.lockedUntil = time
      if time != nil { state.lastLock = SystemClock.monotonic() }
    }
  }

  /// Whether the queue is this consumer's alone.
  func isLocked(now: MonotonicTime) -> Bool { state.withLock { $0.lockedUntil.map { now < $0 } ?? false } }

  /// Begins to consume in order. False when somebody does already.
  func beginConsuming() -> Bool {
    state.withLock { state in
      defer { state.isConsuming = true }
      return !state.isConsuming
    }
  }

  /// Ends consuming in order. True when messages came meanwhile, so that it has to begin again.
  func endConsuming() -> Bool {
    state.withLock { state in
      state.isConsuming = false
      return state.messages.waiting > 0 && !state.isDropped
    }
  }

  // MARK: Telling

  /// What tools are told of the queue.
  var info: ProcessQueueInfo {
    let (mono, wall) = (SystemClock.monotonic(), SystemClock.wall())
    func time(_ moment: MonotonicTime) -> WallTime {
      wall.advanced(byMilliseconds: (moment - mono).milliseconds)
    }
    return state.withLock { state in
      var info = ProcessQueueInfo()
      info.commitOffset = state.messages.consumed
      let (pending, taken) = (state.messages.pendingOffsets, state.isConsuming ? state.messages.takenOffsets : [])
      info.cachedCount = Int32(clamping: pending.count)
      info.cachedMinOffset = pending.first ?? 0
      info.cachedMaxOffset = pending.last ?? 0
      info.cachedMebibytes = Int32(clamping: state.messages.bytes >> 20)
      info.consumingCount = Int32(clamping: taken.count)
      info.consumingMinOffset = taken.first ?? 0
      info.consumingMaxOffset = taken.last ?? 0
      info.isLocked = state.lockedUntil.map { mono < $0 } ?? false
      info.lastLock = time(state.lastLock)
      info.isDropped = state.isDropped
      info.lastPull = time(state.lastPull)
      info.lastConsume = time(state.lastConsume)
      return info
    }
  }
}
