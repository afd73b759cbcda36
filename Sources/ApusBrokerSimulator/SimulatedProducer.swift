import ApusBase
import ApusModel
import ApusProtocol
import ApusSimulator
import ApusSystem

/// Sends messages of all kinds and ends its transactions: at once, late, when it is asked, twice, or contradicting
/// itself. A send without an answer is sent again now and then, with its unique key, as clients do.
final class SimulatedProducer {
  static let group = "pg"

  private let world: SimulatedWorld
  private var peer: SimulatedPeer?
  private let number: Int
  private var nextKey = 1
  /// Messages whose sends nobody answered.
  private var unanswered: [String] = []
  /// Ends of transactions that are asked for later, perhaps of another broker's life.
  private var lateEnds: [End] = []

  private struct End {
    var key: String
    var offset: Int64
    var queueOffset: Int64
    var commits: Bool
  }

  /// One of several producers of the group.
  init(_ world: SimulatedWorld, number: Int) {
    self.world = world
    self.number = number
  }

  /// Goes on over a new connection.
  func connect(_ peer: SimulatedPeer) {
    self.peer = peer
    peer.onRequest = { [weak self] command in
      if command.header.code == RequestCode.checkTransactionState.rawValue { self?.isAsked(command) }
    }
    let heartbeat = HeartbeatData(clientID: "producer@\(number)", producerGroups: [Self.group])
    peer.ask(.heartbeat, [], body: heartbeat.bytes()) { _ in }
  }

  /// Does something.
  func act() {
    guard let peer, peer.waitingCount < 16 else { return }
    switch Int.random(in: 0..<10, using: &world.random) {
    case 0..<6: if !world.isSettling { send(make()) }
    case 6, 7:
      guard let index = unanswered.indices.randomElement(using: &world.random) else { return }
      send(unanswered.remove(at: index))
    default:
      guard let index = lateEnds.indices.randomElement(using: &world.random) else { return }
      end(lateEnds.remove(at: index))
    }
  }

  // MARK: Sends

  /// A new message; returns its key.
  private func make() -> String {
    let key = "K\(number)-\(nextKey)"
    nextKey += 1
    var message = SimulatedMessage(
      key: key, kind: kind(), topic: world.topics.randomElement(using: &world.random) ?? "Orders",
      queue: Int32.random(in: 0..<world.queueCount, using: &world.random), body: Array("\(key)|".utf8))
    if case .cancel(let other) = message.kind {
      message.topic = world.known[other]?.topic ?? message.topic
      message.body = Array("-".utf8)
      world.known[other]?.mayBeCancelled = true
    } else {
      let length = world.chance(1, in: 20) ? 3000 : Int.random(in: 0...120, using: &world.random)
      for _ in 0..<length { message.body.append(UInt8.random(in: 32...126, using: &world.random)) }
    }
    world.known.add(message)
    return key
  }

  private func kind() -> SimulatedMessage.Kind {
    switch Int.random(in: 0..<100, using: &world.random) {
    case 0..<35: return .plain
    case 35..<50: return .level(Int.random(in: 1...4, using: &world.random))
    case 50..<68:
      return .timer(due: world.machine.wall.milliseconds + Int64.random(in: 20...20_000, using: &world.random))
    case 68..<74:
      let waiting = world.known.keys.suffix(60).filter {
        if case .timer = world.known[$0]?.kind { true } else { false }
      }
      guard let other = waiting.randomElement(using: &world.random) else { return .plain }
      return .cancel(of: other)
    default:
      return .half(
        HalfPlan(
          commits: world.chance(1, in: 2), isUndecided: world.chance(1, in: 8), endsUnasked: world.chance(3, in: 4)))
    }
  }

  private func properties(of message: SimulatedMessage) -> [(String, String)] {
    var properties = [("UNIQ_KEY", message.key), ("TAGS", "A")]
    switch message.kind {
    case .plain: break
    case .level(let level): properties.append(("DELAY", "\(level)"))
    case .timer(let due): properties.append(("TIMER_DELIVER_MS", "\(due)"))
    case .half: properties += [("TRAN_MSG", "true"), ("PGROUP", Self.group)]
    case .cancel(let other): properties.append(("TIMER_DEL_UNIQKEY", other))
    }
    return properties
  }

  private func send(_ key: String) {
    guard let peer, let message = world.known[key] else { return }
    var isHalf = false
    if case .half = message.kind { isHalf = true }
    let text = properties(of: message).map { "\($0.0)\u{1}\($0.1)" }.joined(separator: "\u{2}")
    let fields = [
      ReplyField("a", Self.group), ReplyField("b", message.topic), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", Int64(message.queue)), ReplyField("f", Int64(isHalf ? 4 : 0)),
      ReplyField("g", world.machine.wall.milliseconds), ReplyField("h", 0), ReplyField("i", text), ReplyField("j", 0),
    ]
    let count = peer.ask(.sendMessageV2, fields, body: message.body) { [weak self] answer in
      self?.answered(key, answer)
    }
    world.known[key]?.attempts += count
  }

  private func answered(_ key: String, _ answer: Command?) {
    guard let answer, answer.responseCode == .success || answer.responseCode == .flushDiskTimeout else {
      unanswered.append(key)
      return
    }
    guard let id = answer["msgId"], let queueOffset = answer["queueOffset"].flatMap({ Int64($0) }),
      let offset = Self.offset(id)
    else { return world.fail("the answer to \(key) does not say where it is") }
    let isFlushed = answer.responseCode == .success
    let promise = isFlushed ? world.promise : .untilPowerLoss
    world.known.answered(key, .init(offset: offset, queueOffset: queueOffset, promise: promise))
    guard case .half(let plan) = world.known[key]?.kind else { return }
    let one = End(key: key, offset: offset, queueOffset: queueOffset, commits: plan.commits)
    var other = one
    other.commits.toggle()
    if plan.endsUnasked { endSometime(one) }
    if world.chance(1, in: 8) { lateEnds.append(one) }
    if plan.isUndecided { endSometime(other) }
  }

  private func endSometime(_ end: End) {
    if world.chance(1, in: 2) { self.end(end) } else { lateEnds.append(end) }
  }

  private static func offset(_ id: String) -> Int64? {
    do throws(DecodeError) {
      return try MessageID(id).offset.rawValue
    } catch {
      return nil
    }
  }

  // MARK: Ends of transactions

  private func end(_ end: End) {
    if end.commits { world.known[end.key]?.mayCommit = true } else { world.known[end.key]?.mayRollBack = true }
    peer?.ask(
      .endTransaction,
      [
        ReplyField("producerGroup", Self.group), ReplyField("tranStateTableOffset", end.queueOffset),
        ReplyField("commitLogOffset", end.offset), ReplyField("commitOrRollback", Int64(end.commits ? 8 : 12)),
        ReplyField("fromTransactionCheck", "false"), ReplyField("msgId", end.key), ReplyField("transactionId", end.key),
      ]
    ) { _ in }
  }

  private func isAsked(_ question: Command) {
    guard let key = question["msgId"], let message = world.known[key], case .half(let plan) = message.kind,
      let offset = question["commitLogOffset"].flatMap({ Int64($0) }),
      let queueOffset = question["tranStateTableOffset"].flatMap({ Int64($0) })
    else { return world.fail("the broker asks about \(question["msgId"] ?? "nothing"), which is no half message") }
    let one = End(key: key, offset: offset, queueOffset: queueOffset, commits: plan.commits)
    guard !world.isSettling else { return end(one) }
    switch Int.random(in: 0..<10, using: &world.random) {
    case 0..<5: end(one)
    case 5:
      end(one)
      end(one)
    case 6: lateEnds.append(one)
    default: break
    }
  }
}
