package import ApusBase

/// Which half messages are open, when their producers are asked about them, and how far the queues of half and of
/// operation messages are done with.
///
/// A half message stands in RMQ_SYS_TRANS_HALF_TOPIC. It ends by an operation message in RMQ_SYS_TRANS_OP_HALF_TOPIC
/// that names its queue offset: on commit, on rollback, when it is given up, and when it is renewed. One that has ended
/// never ends again: ``claim(_:)`` hands every half message to at most one request.
///
/// The rules are those of
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/transaction/queue/TransactionalMessageServiceImpl.java
/// (`check`), with two deviations: a half message is asked about where it lies, and is put into its queue anew only
/// when it keeps more than ``Rules/window`` others from being forgotten; and a half message that was given up gets an
/// operation message, so that a late commit cannot deliver it beside its copy in TRANS_CHECK_MAX_TIME_TOPIC.
///
/// Memory: one bit per half message since the oldest open one, eight bytes for each of the last 65,536 operation
/// messages since then and for 4,096 earlier ones, some 60 bytes for each open half message that was looked at. A half
/// message that names a long CHECK_IMMUNITY_TIME_IN_SECONDS is open for long.
package struct HalfMessages: Sendable {
  /// When half messages are asked about.
  package struct Rules: Hashable, Sendable {
    /// `transactionTimeOut`: the age of the first question.
    package var timeout: Duration = .seconds(6)
    /// `transactionCheckMax`: how often a producer is asked; 0 counts as once, as by Java.
    package var checkLimit: Int32 = 15
    /// `fileReservedTime`: the age at which a half message is given up.
    package var retention: Duration = .seconds(72 * 3600)
    /// How many half messages may follow an open one before it is renewed at the end of the queue.
    package var window: Int64 = 1 << 18

    /// Java's defaults.
    package init() {}
  }

  /// What the record of a half message says.
  package struct Half: Hashable, Sendable {
    /// Its place in the queue of half messages.
    package var queueOffset: Int64
    /// Its place in the log.
    package var offset: PhysicalOffset
    /// When the producer made it.
    package var bornTime: WallTime
    /// CHECK_IMMUNITY_TIME_IN_SECONDS; nil when it is absent or no number.
    package var immunity: Duration?
    /// TRANSACTION_CHECK_TIMES: how often it was asked about before it was put here; 0 when it is absent.
    package var checks: Int32

    /// Puts a half message together.
    package init(
      queueOffset: Int64, offset: PhysicalOffset, bornTime: WallTime, immunity: Duration? = nil, checks: Int32 = 0
    ) {
      self.queueOffset = queueOffset
      self.offset = offset
      self.bornTime = bornTime
      self.immunity = immunity
      self.checks = checks
    }
  }

  /// Who may end a half message.
  package enum Claim: Hashable, Sendable {
    /// The caller, who must call ``ended(_:by:)`` or ``release(_:)``.
    case granted
    /// Another request, which is at it.
    case busy
    /// Nobody: it was committed, rolled back, given up or renewed.
    case ended
  }

  /// What is to be done about an open half message.
  package enum Decision: Hashable, Sendable {
    /// Nothing: it is too young, is being ended, or has ended.
    case leave
    /// Ask a producer of its group; it is the question of this number.
    case ask(times: Int32)
    /// Put it into its queue anew with this count, end the old one, and ask about the new one.
    case renew(times: Int32)
    /// Move it to TRANS_CHECK_MAX_TIME_TOPIC.
    case giveUp(GiveUpReason)
  }

  /// Why a half message is given up.
  package enum GiveUpReason: Hashable, Sendable {
    /// Its producers were asked as often as they may be.
    case askedTooOften
    /// It is older than messages are kept.
    case tooOld
  }

  /// How often a half message was asked about, for the next run.
  package struct Checks: Hashable, Sendable {
    /// Its place in the queue of half messages.
    package var queueOffset: Int64
    /// Its place in the log, which tells whether the entry is still about the same message.
    package var offset: PhysicalOffset
    /// How often.
    package var times: Int32

    /// Remembers.
    package init(queueOffset: Int64, offset: PhysicalOffset, times: Int32) {
      self.queueOffset = queueOffset
      self.offset = offset
      self.times = times
    }
  }

  /// What was learned of an open half message.
  private struct Known: Sendable {
    var offset: PhysicalOffset
    var checks: Int32
    /// Not looked at again before.
    var notBefore: WallTime
    /// When that was found out: a clock that shows less was set back, and ``notBefore`` says nothing.
    var lookedAt = WallTime(milliseconds: .min)

    func isDue(_ now: WallTime) -> Bool { notBefore <= now || now < lookedAt }
  }

  /// When half messages are asked about; takes effect with the next decision.
  package var rules: Rules
  /// Moves when a count of checks changed.
  package private(set) var checkChanges: Int64 = 0
  private var endedOffsets: OffsetRunSet
  private var claimed: Set<Int64> = []
  private var known: [Int64: Known] = [:]
  /// For each operation message from `firstExact` on, the highest half message that it ends; `unheard` until told.
  private var operations: [Int64] = []
  private var operationHead = 0
  private var firstExact: Int64
  /// The highest half message that `runLength` operation messages end, for those before `firstExact` that are needed.
  private var runs: [Int64] = []

  private static let unheard = Int64.max
  private static let runLength = 4096
  /// More operation messages than these are remembered by their runs.
  private static let exactLimit = 16 * runLength

  /// Begins where CID_RMQ_SYS_TRANS stands in both queues, or at their beginnings.
  package init(half: Int64, operation: Int64, rules: Rules = Rules()) {
    self.rules = rules
    endedOffsets = OffsetRunSet(from: half)
    firstExact = operation
  }

  // MARK: What was done

  /// The first half message that has not ended: where CID_RMQ_SYS_TRANS stands in the queue of half messages.
  package var halfOffset: Int64 { endedOffsets.start }

  /// The first operation message that is still needed, or one less than a run before it: where CID_RMQ_SYS_TRANS stands
  /// in their queue.
  package var operationOffset: Int64 { firstExact - Int64(runs.count * Self.runLength) }

  /// How many numbers are kept about operation messages.
  var operationNumbers: Int { operations.count + runs.count }

  /// Whether a half message has ended.
  package func hasEnded(_ half: Int64) -> Bool { endedOffsets.contains(half) }

  /// How many half messages before `end`, the end of their queue, have not ended.
  package func openCount(before end: Int64) -> Int64 { endedOffsets.absentCount(before: end) }

  // MARK: Ends

  /// Asks to end a half message that is in the queue.
  package mutating func claim(_ half: Int64) -> Claim {
    if endedOffsets.contains(half) { return .ended }
    return claimed.insert(half).inserted ? .granted : .busy
  }

  /// Ending a claimed half message failed: it stays open.
  package mutating func release(_ half: Int64) { claimed.remove(half) }

  /// A half message ended: its operation message stands at `operation`.
  package mutating func ended(_ half: Int64, by operation: Int64) {
    read(operation: operation, ending: [half])
  }

  /// An operation message says that these half messages ended. To be called for those of the start in the order of
  /// their queue, with nothing for one that cannot be read; later ones may come in any order.
  package mutating func read(operation: Int64, ending halves: [Int64]) {
    for half in halves { forget(half) }
    // Of one before those nothing more is said: it was told when it was passed or came into a run.
    guard operation >= firstExact else { return passOperations() }
    let index = operationHead + Int(operation - firstExact)
    let runsBefore = (operations.count - operationHead) / Self.runLength
    while operations.count <= index { operations.append(Self.unheard) }
    operations[index] = halves.max() ?? -1
    passOperations()
    // Not with each operation message: a run with one of which nothing was told yet is looked through in vain.
    if (operations.count - operationHead) / Self.runLength > runsBefore { foldOperations() }
  }

  /// A half message is not in the log any more.
  package mutating func lost(_ half: Int64) {
    forget(half)
    passOperations()
  }

  private mutating func forget(_ half: Int64) {
    claimed.remove(half)
    if let known = known.removeValue(forKey: half), known.checks > 0 { checkChanges &+= 1 }
    endedOffsets.insert(half)
  }

  /// An operation message is done with when all that it ends lies before the first open half message: only then can a
  /// reader that begins there do without it.
  private mutating func passOperations() {
    let start = endedOffsets.start
    if let first = runs.first, first < start {
      let passed = runs.firstIndex { $0 >= start } ?? runs.count
      runs.removeFirst(passed)
    }
    guard runs.isEmpty else { return }
    while operationHead < operations.count, operations[operationHead] < start {
      operationHead += 1
      firstExact += 1
    }
    dropPassed()
  }

  /// Remembers those operation messages that wait for long by their runs.
  private mutating func foldOperations() {
    while operations.count - operationHead > Self.exactLimit {
      guard let highest = operations[operationHead..<operationHead + Self.runLength].max(), highest != Self.unheard
      else { break }
      runs.append(highest)
      operationHead += Self.runLength
      firstExact += Int64(Self.runLength)
    }
    dropPassed()
  }

  private mutating func dropPassed() {
    if operationHead == operations.count {
      operations.removeAll(keepingCapacity: true)
      operationHead = 0
    } else if operationHead >= 4096, operationHead >= operations.count / 2 {
      operations.removeFirst(operationHead)
      operationHead = 0
    }
  }

  // MARK: Checks

  /// The first half message from `offset` on, before `end`, that is to be looked at now; nil when there is none.
  package func next(from offset: Int64, before end: Int64, now: WallTime) -> Int64? {
    var offset = endedOffsets.firstAbsent(from: offset)
    while offset < end {
      let isDue = known[offset]?.isDue(now) ?? true
      if isDue, !claimed.contains(offset) { return offset }
      offset = endedOffsets.firstAbsent(from: offset + 1)
    }
    return nil
  }

  /// Decides about a half message whose record was read; `end` is the end of the queue. A decision to ask counts.
  package mutating func decide(_ half: Half, end: Int64, now: WallTime) -> Decision {
    let place = half.queueOffset
    guard !endedOffsets.contains(place), !claimed.contains(place) else { return .leave }
    let checks = checks(of: half)
    // Nobody asked about a message with no checks: its sender may be about to commit it.
    if checks >= max(rules.checkLimit, 1) { return .giveUp(.askedTooOften) }
    let age = now.milliseconds.subtractingReportingOverflow(half.bornTime.milliseconds)
    let milliseconds = age.overflow ? -1 : age.partialValue
    if milliseconds > rules.retention.milliseconds { return .giveUp(.tooOld) }
    let wait = (half.immunity ?? rules.timeout).milliseconds
    // Born in the future, the clock jumped: its age says nothing, and it is asked about at once.
    if milliseconds >= 0, milliseconds < wait {
      known[place] = Known(
        offset: half.offset, checks: checks, notBefore: half.bornTime.advanced(byMilliseconds: wait), lookedAt: now)
      return .leave
    }
    known[place] = Known(offset: half.offset, checks: checks + 1, notBefore: WallTime(milliseconds: .min))
    checkChanges &+= 1
    return end - place > rules.window ? .renew(times: checks + 1) : .ask(times: checks + 1)
  }

  /// A half message that was to be put anew before it is asked about could not be: nobody was asked, which does not
  /// count.
  package mutating func notAsked(_ half: Half) {
    // It may have ended meanwhile.
    guard let counted = known[half.queueOffset], counted.offset == half.offset, counted.checks > 0 else { return }
    known[half.queueOffset]?.checks -= 1
    checkChanges &+= 1
  }

  /// How often a half message was asked about, here and before it was put here.
  package func checks(of half: Half) -> Int32 {
    guard let known = known[half.queueOffset], known.offset == half.offset else { return max(half.checks, 0) }
    return max(half.checks, known.checks)
  }

  /// An administrator wants an open half message to be asked about as often as a new one. Returns whether it is open.
  package mutating func restartChecks(of half: Half) -> Bool {
    guard !endedOffsets.contains(half.queueOffset) else { return false }
    guard half.checks == 0 else { return false }
    known[half.queueOffset] = nil
    checkChanges &+= 1
    return true
  }

  // MARK: Over a restart

  /// How often open half messages were asked about, by their place.
  package var checks: [Checks] {
    known.filter { $0.value.checks > 0 }
      .map { Checks(queueOffset: $0.key, offset: $0.value.offset, times: $0.value.checks) }
      .sorted { $0.queueOffset < $1.queueOffset }
  }

  /// Takes over what an earlier run remembered. Entries about half messages that have ended are passed over; one that
  /// is about another message at the same place is found out when that is read.
  package mutating func restore(_ checks: [Checks]) {
    for entry in checks where !endedOffsets.contains(entry.queueOffset) && entry.times > 0 {
      known[entry.queueOffset] = Known(
        offset: entry.offset, checks: entry.times, notBefore: WallTime(milliseconds: .min))
    }
  }
}
