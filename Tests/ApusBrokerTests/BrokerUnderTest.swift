import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusStoreCore
import ApusRemoting
import ApusSimulator
import ApusSystem
import Testing

@testable import ApusBroker

/// The handlers of a broker over tables, messages held in memory and a simulated disk.
struct BrokerUnderTest {
  let tables: BrokerTables
  let messages = MessagesInMemory()
  let heard = Heard()
  let disk: SimulatedDisk
  let config: ConfigStore
  let handlers: HandlerTable
  /// What clients were to be asked; in this test they do not answer in time.
  let relayed = Locked<[Relay]>([])
  let requester = Requester(connection: 1, address: HostAddress(ipv4: 0x7F00_0001, port: 43410))

  init(
    _ entries: [(String, String)] = [], stored: ConfigStore.Stored = .init(), log: Logger = Logger(level: .error)
  ) throws {
    let machine = BrokerSettings.Machine(cores: 2, hostName: "fx-a", address: "127.0.0.1", storeRoot: "/store")
    let now = WallTime(milliseconds: 1_795_219_434_437)
    let names = [("brokerClusterName", "FxCluster"), ("brokerName", "fx-a")]
    let properties = PropertiesFile((names + entries).map { PropertiesFile.Entry($0.0, $0.1) })
    let settings = try BrokerSettings(properties, machine: machine, now: now)
    tables = BrokerTables(settings: settings, stored: stored, now: now, seed: 9)
    disk = SimulatedDisk(seed: 1)
    config = tables.configStore(root: "/store", disk: disk)
    handlers = tables.handlers(
      messages: messages, settingsFile: SettingsFile(path: "/conf/broker.conf", properties: properties, disk: disk),
      listener: heard, booted: now, changes: ChangeLog(log))
  }

  /// Answers as a broker would, refusals included; the peer's access is that of this machine unless told.
  func answer(_ request: Command, from other: Requester? = nil) -> Reply {
    let requester = other ?? requester
    let access = AdminAccess(ownAddresses: [HostAddress(ipv4: 0x7F00_0001, port: 0)])
    do throws(Refusal) {
      let code = RequestCode(request.header.code)
      switch try handlers.answerer(for: code, from: requester, access) {
      case .handler(let handler, _): return try handler.handle(request, from: requester)
      case .relay(let handler):
        let relay = try handler.plan(request, from: requester)
        relayed.withLock { $0.append(relay) }
        return relay.finish(relay.calls.map { _ in .failure(.timedOut) })
      case .change(let handler):
        let reply = Locked<Reply?>(nil)
        let change = ConfigCommit.Change(request, from: requester, by: handler) { answer in
          reply.withLock { $0 = answer }
        }
        ConfigCommit.carryOut([change], to: config, Logger(level: .error))
        return reply.withLock { $0 } ?? Reply(.systemError, remark: "the change was not answered")
      }
    } catch {
      return Reply(error.code, remark: error.remark)
    }
  }

  func ask(_ code: RequestCode, _ fields: [String: String] = [:], body: [UInt8] = []) -> Reply {
    let header = CommandHeader(code: code.rawValue, id: RequestID(1))
    return answer(Command(header: header, fields: fields.map { ReplyField($0.key, $0.value) }, body: body))
  }

  func heartbeat(_ data: HeartbeatData, from connection: UInt64 = 1, language: Language = .java) -> Reply {
    let header = CommandHeader(code: RequestCode.heartbeat.rawValue, language: language, id: RequestID(1))
    return answer(
      Command(header: header, body: data.bytes()),
      from: Requester(connection: connection, address: requester.address))
  }

  func topic(_ name: String, queues: Int32 = 4) {
    tables.topics.withLock {
      _ = $0.update(
        TopicConfig(name: name, readQueueCount: queues, writeQueueCount: queues), now: WallTime(milliseconds: 1))
    }
  }
}

/// What the handlers told whoever registers topics.
final class Heard: TopicListener {
  let changed = Locked<[String]>([])
  let deleted = Locked<[String]>([])
  let all = Locked(0)

  func topicChanged(_ topic: Topic) { changed.withLock { $0.append(topic.name) } }
  func topicSaved(_ topic: Topic) { changed.withLock { $0.append(topic.name) } }
  func allTopicsChanged() { all.withLock { $0 += 1 } }
  func topicDeleted(_ topic: Topic) { deleted.withLock { $0.append(topic.name) } }
}

/// Queues as their bounds and the store times of single messages.
final class MessagesInMemory: StoredMessages {
  struct Content: Sendable {
    var bounds: [MessageQueue: QueueBounds] = [:]
    var times: [MessageQueue: [Int64: Int64]] = [:]
    var records: [Int64: [UInt8]] = [:]
    var answer = IndexAnswer()
    var asked: [IndexQuery] = []
    var removed: [String] = []
    var isInMemory = true
    var entries: [MessageQueue: [ConsumeQueueDump.Entry]] = [:]
    var cleanings = 0
    var failure: DiskError?
  }

  let content = Locked(Content())

  private func key(_ topic: String, _ queue: Int32) -> MessageQueue {
    MessageQueue(topic: topic, brokerName: "fx-a", queueID: queue)
  }

  private func look<Value>(_ body: (inout Content) -> Value) throws(DiskError) -> Value {
    try content.withLock { content throws(DiskError) in
      if let failure = content.failure { throw failure }
      return body(&content)
    }
  }

  func bounds(topic: String, queue: Int32) throws(DiskError) -> QueueBounds? {
    try look { $0.bounds[key(topic, queue)] }
  }

  func offset(topic: String, queue: Int32, closestTo moment: WallTime) throws(DiskError) -> QueueOffset {
    try look { content in
      let times = content.times[key(topic, queue)] ?? [:]
      let nearest = times.min { abs($0.value - moment.milliseconds) < abs($1.value - moment.milliseconds) }
      return QueueOffset(nearest?.key ?? 0)
    }
  }

  func storeTime(topic: String, queue: Int32, at offset: QueueOffset) throws(DiskError) -> WallTime? {
    try look { $0.times[key(topic, queue)]?[offset.rawValue].map { WallTime(milliseconds: $0) } }
  }

  func isInMemory(topic: String, queue: Int32, at offset: QueueOffset) throws(DiskError) -> Bool {
    try look { $0.isInMemory }
  }

  func record(at offset: PhysicalOffset) throws(DiskError) -> [UInt8]? { try look { $0.records[offset.rawValue] } }

  func query(_ query: IndexQuery) throws(DiskError) -> IndexAnswer {
    try look { content in
      content.asked.append(query)
      return content.answer
    }
  }

  func removeQueues(of topic: String) throws(DiskError) { try look { $0.removed.append(topic) } }

  func topicsWithQueues() -> [String] { content.withLock { Set($0.bounds.keys.map(\.topic)).sorted() } }

  func removeExpiredQueueFiles() throws(DiskError) { try look { $0.cleanings += 1 } }

  func entries(
    topic: String, queue: Int32, from offset: QueueOffset, count: Int, filter: EntryFilter?
  ) throws(DiskError) -> [ConsumeQueueDump.Entry] {
    try look { content in
      let all = content.entries[key(topic, queue)] ?? []
      guard all.indices.contains(Int(clamping: offset.rawValue)) else { return [] }
      return Array(all[Int(offset.rawValue)...].prefix(count))
    }
  }

  func summary() -> StoreSummary {
    var summary = StoreSummary()
    summary.maxOffset = 10_275
    summary.unflushedBytes = 1638
    summary.space = DiskSpace(total: 252 << 30, available: 61 << 30)
    summary.logSpace = summary.space
    summary.queueSpace = DiskSpace(total: 100 << 30, available: 50 << 30)
    return summary
  }
}
