import ApusBase
import ApusModel
import ApusProtocol
import ApusSimulator
import ApusSystem

/// Sends messages of all kinds and ends its transactions: at once, late, when it is asked, twice, or contradicting
/// itself. A send without an answer is sent again now and then, with its unique key, as clients do.
final class SimulatedProducer {
  static let group = "pg"
  /// How many there are, numbered from 0.
  static let count = 2
  private static let replyTopic = "Sim_REPLY_TOPIC"

  private let world: SimulatedWorld
  private var peer: SimulatedPeer?
  private let number: Int
  private var nextKey = 1
  /// Sends that nobody answered: a message, or those of a batch.
  private var unanswered: [[String]] = []
  /// Ends of transactions that are asked for later, perhaps of another broker's life.
  private var lateEnds: [End] = []
  private var clientID: String { Self.clientID(number) }

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
    peer.onRequest = { [weak self, weak peer] command in
      switch RequestCode(command.header.code) {
      case .checkTransactionState: self?.isAsked(command)
      case .pushReplyMessageToClient: if let peer { self?.isHanded(command, over: peer) }
      default: break
      }
    }
    let heartbeat = HeartbeatData(clientID: clientID, producerGroups: [Self.group])
    peer.ask(.heartbeat, [], body: heartbeat.bytes()) { _ in }
  }

  /// Does something.
  func act() {
    guard let peer, peer.waitingCount < 16 else { return }
    switch Int.random(in: 0..<10, using: &world.random) {
    case 0..<6: if !world.isSettling { send(makeSome()) }
    case 6, 7:
      guard let index = unanswered.indices.randomElement(using: &world.random) else { return }
      send(unanswered.remove(at: index))
    default:
      guard let index = lateEnds.indices.randomElement(using: &world.random) else { return }
      end(lateEnds.remove(at: index))
    }
  }

  /// Sends to a topic that comes and goes, as somebody has just deleted one.
  func actAfterDeletion() {
    guard let peer, peer.waitingCount < 16, !world.isSettling else { return }
    send(makeFleeting())
  }

  // MARK: Sends

  /// A new message, or those of a new batch; returns their keys.
  private func makeSome() -> [String] {
    if world.chance(1, in: 6) { return makeFleeting() }
    let topic = world.topics.randomElement(using: &world.random) ?? "Orders"
    let queue = Int32.random(in: 0..<world.queueCount, using: &world.random)
    guard world.chance(1, in: 8) else { return [make(kind(), topic, queue, namesLightQueues: true)] }
    return makeBatch(topic, queue)
  }

  /// A message or a batch for a topic that comes and goes.
  private func makeFleeting() -> [String] {
    let topic = FleetingTopics.names.randomElement(using: &world.random) ?? "Fairs"
    let queue = Int32.random(in: 0..<world.queueCount, using: &world.random)
    return world.chance(1, in: 4) ? makeBatch(topic, queue) : [make(.plain, topic, queue)]
  }

  private func makeBatch(_ topic: String, _ queue: Int32) -> [String] {
    (0..<Int.random(in: 2...6, using: &world.random)).map { _ in make(.plain, topic, queue) }
  }

  private func make(
    _ kind: SimulatedMessage.Kind, _ topic: String, _ queue: Int32, namesLightQueues: Bool = false
  ) -> String {
    let key = "K\(number)-\(nextKey)"
    nextKey += 1
    var message = SimulatedMessage(key: key, kind: kind, topic: topic, queue: queue, body: Array("\(key)|".utf8))
    if case .cancel(let other) = kind {
      message.topic = world.known[other]?.topic ?? message.topic
      message.body = Array("-".utf8)
      world.known[other]?.mayBeCancelled = true
    } else {
      let length = world.chance(1, in: 20) ? 3000 : Int.random(in: 0...120, using: &world.random)
      for _ in 0..<length { message.body.append(UInt8.random(in: 32...126, using: &world.random)) }
    }
    switch kind {
    case .reply: (message.topic, message.queue) = (Self.replyTopic, 0)
    case .cancel: break
    default: if namesLightQueues { message.lightQueues = world.someLightQueues() }
    }
    world.known.add(message)
    return key
  }

  private func kind() -> SimulatedMessage.Kind {
    switch Int.random(in: 0..<100, using: &world.random) {
    case 0..<31: return .plain
    case 31..<35: return .reply(to: Int.random(in: 0..<Self.count, using: &world.random))
    case 35..<50: return .level(Int.random(in: 1...4, using: &world.random))
    case 50..<68:
      let longest = world.chance(1, in: 3) ? 20_000 : world.longestDelay
      return .timer(due: world.machine.wall.milliseconds + Int64.random(in: 20...longest, using: &world.random))
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

  private func properties(of message: SimulatedMessage) -> String {
    var properties = [("UNIQ_KEY", message.key), ("TAGS", "A")]
    switch message.kind {
    case .plain: break
    case .level(let level): properties.append(("DELAY", "\(level)"))
    case .timer(let due): properties.append(("TIMER_DELIVER_MS", "\(due)"))
    case .half: properties += [("TRAN_MSG", "true"), ("PGROUP", Self.group)]
    case .cancel(let other): properties.append(("TIMER_DEL_UNIQKEY", other))
    case .reply(let asker):
      properties += [("CORRELATION_ID", message.key), ("REPLY_TO_CLIENT", Self.clientID(asker)), ("MSG_TYPE", "reply")]
    }
    if !message.lightQueues.isEmpty {
      properties.append(("INNER_MULTI_DISPATCH", message.lightQueues.joined(separator: ",")))
    }
    return properties.map { "\($0.0)\u{1}\($0.1)" }.joined(separator: "\u{2}")
  }

  /// The body of a batch.
  private func batch(_ messages: [SimulatedMessage]) -> [UInt8] {
    var body = ByteWriter()
    for message in messages {
      let properties = Array(properties(of: message).utf8)
      body.write(Int32(22 + message.body.count + properties.count))
      // Magic, CRC and flag are the broker's and the user's.
      for _ in 0..<3 { body.write(Int32(0)) }
      body.write(Int32(message.body.count))
      body.write(message.body)
      body.write(Int16(properties.count))
      body.write(properties)
    }
    return body.array
  }

  private func send(_ keys: [String]) {
    let messages = keys.compactMap { world.known[$0] }
    guard let peer, let first = messages.first else { return }
    var (code, flags, text, body) = (RequestCode.sendMessageV2, 0 as Int64, properties(of: first), first.body)
    switch first.kind {
    case .half: flags = Int64(SysFlag.Transaction.prepared.rawValue)
    case .reply: code = .sendReplyMessageV2
    case .plain where keys.count > 1: (code, text, body) = (.sendBatchMessage, "WAIT\u{1}true", batch(messages))
    default: break
    }
    let fields = [
      ReplyField("a", Self.group), ReplyField("b", first.topic), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", Int64(first.queue)), ReplyField("f", flags), ReplyField("g", world.machine.wall.milliseconds),
      ReplyField("h", 0), ReplyField("i", text), ReplyField("j", 0),
    ]
    let asked = world.fleeting.sends(FleetingTopics.names.contains(first.topic) ? keys : [])
    let time = world.machine.wall.milliseconds
    let count = peer.ask(code, fields, body: body) { [weak self] answer in
      self?.answered(keys, answer, asked: asked, time: time)
    }
    for key in keys { world.known[key]?.attempts += count }
  }

  /// A send that began at a moment, and at a time of day, was answered; nil when it was not.
  private func answered(_ keys: [String], _ answer: Command?, asked: FleetingTopics.Moment, time: Int64) {
    if case .reply(let asker) = world.known[keys[0]]?.kind { return replied(keys[0], asker, answer) }
    guard let answer, answer.responseCode == .success || answer.responseCode == .flushDiskTimeout else {
      return unanswered.append(keys)
    }
    let promise = answer.responseCode == .success ? world.promise : .untilPowerLoss
    guard let places = places(answer, promise), places.count == keys.count else {
      return world.fail("the answer to \(keys.joined(separator: ", ")) does not say where that is")
    }
    for (key, place) in zip(keys, places) {
      world.known.answered(key, place)
      note(key, place, asked: asked, time: time)
    }
    if case .half(let plan) = world.known[keys[0]]?.kind { begun(keys[0], plan, places[0]) }
  }

  /// Tells the topics that come and go of a message's place.
  private func note(_ key: String, _ place: SimulatedMessage.Place, asked: FleetingTopics.Moment, time: Int64) {
    guard let message = world.known[key], FleetingTopics.names.contains(message.topic) else { return }
    do throws(SimulationFailure) {
      try world.fleeting.stored(
        .init(key: key, offset: place.offset),
        in: SimulatedQueue(topic: message.topic, id: message.queue), asked: asked, time: time)
    } catch {
      world.fail(error.description)
    }
  }

  /// Where the messages of a send lie, as the answer says: those of a batch one behind the other.
  private func places(_ answer: Command, _ promise: Promise) -> [SimulatedMessage.Place]? {
    guard let first = answer.int64("queueOffset") else { return nil }
    var places: [SimulatedMessage.Place] = []
    for id in (answer["msgId"] ?? "").split(separator: ",") {
      guard let offset = Self.offset(String(id)) else { return nil }
      places.append(.init(offset: offset, queueOffset: first + Int64(places.count), promise: promise))
    }
    return places
  }

  private func begun(_ key: String, _ plan: HalfPlan, _ place: SimulatedMessage.Place) {
    let one = End(key: key, offset: place.offset, queueOffset: place.queueOffset, commits: plan.commits)
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
    if end.commits { world.known[end.key]?.mayCommit = true }
    let state: SysFlag.Transaction = end.commits ? .committed : .rolledBack
    peer?.ask(
      .endTransaction,
      [
        ReplyField("producerGroup", Self.group), ReplyField("tranStateTableOffset", end.queueOffset),
        ReplyField("commitLogOffset", end.offset), ReplyField("commitOrRollback", Int64(state.rawValue)),
        ReplyField("fromTransactionCheck", "false"), ReplyField("msgId", end.key), ReplyField("transactionId", end.key),
      ]
    ) { _ in }
  }

  private func isAsked(_ question: Command) {
    guard let key = question["msgId"], let message = world.known[key], case .half(let plan) = message.kind,
      let offset = question.int64("commitLogOffset"),
      let queueOffset = question.int64("tranStateTableOffset")
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

  // MARK: Replies

  private static func clientID(_ number: Int) -> String { "producer@\(number)" }

  /// The broker says what became of a reply. It is of use to the one who waits for it now, and not sent again.
  private func replied(_ key: String, _ asker: Int, _ answer: Command?) {
    guard let answer else { return }
    if answer.responseCode == .success, !world.handedOver.contains(key) {
      return world.fail("\(key) was handed over, as its sender was told, and \(Self.clientID(asker)) does not have it")
    }
    // It is stored all the same when it could not be handed over; nobody waited for the device.
    guard let place = places(answer, .untilPowerLoss)?.first else { return }
    world.known.answered(key, place)
  }

  /// The broker hands a reply over.
  private func isHanded(_ push: Command, over peer: SimulatedPeer) {
    let properties = (push["properties"] ?? "").split(separator: "\u{2}")
    guard let key = properties.first(where: { $0.hasPrefix("CORRELATION_ID\u{1}") })?.dropFirst(15),
      let reply = world.known[String(key)], reply.kind == .reply(to: number), reply.body == push.body
    else { return world.fail("\(clientID) is given a reply that nobody sent it") }
    guard world.isSettling || world.chance(7, in: 8) else { return }
    world.handedOver.insert(reply.key)
    peer.answer(push, .success)
  }
}
