import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// How far a group has consumed each queue: kept by the brokers, or in a file where messages are broadcast, and
/// committed now and then.
final class GroupOffsets: Sendable {
  private struct State {
    var offsets: [MessageQueue: Int64] = [:]
    var committed: [MessageQueue: Int64] = [:]
  }

  private let group: String
  private let runtime: ClientRuntime
  private let local: LocalOffsets?
  private let state = Locked(State())

  /// The offsets of a group: kept in a file of this machine's when `local` is given, else by the brokers.
  init(group: String, runtime: ClientRuntime, local: LocalOffsets? = nil) {
    self.group = group
    self.runtime = runtime
    self.local = local
  }

  /// Reads what this machine keeps, if anything.
  func open() async throws(ClientError) {
    guard let local else { return }
    let outcome = try await runtime.perform { () -> Result<Void, ClientError> in
      do throws(ClientError) {
        return .success(try local.load())
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  /// The offset that this consumer knows of a queue.
  func known(_ queue: MessageQueue) -> Int64? { state.withLock { $0.offsets[queue] } }

  /// All offsets that this consumer knows.
  var all: [MessageQueue: Int64] { state.withLock { $0.offsets } }

  /// A queue is consumed up to here. An older offset does not take the place of a newer one unless it is `forced`.
  func update(_ queue: MessageQueue, _ offset: Int64, forced: Bool = false) {
    state.withLock { state in
      if forced { state.offsets[queue] = offset } else { state.offsets[queue] = max(offset, state.offsets[queue] ?? 0) }
    }
  }

  /// Forgets a queue that belongs to somebody else now.
  func remove(_ queue: MessageQueue) {
    state.withLock { state in
      state.offsets[queue] = nil
      state.committed[queue] = nil
    }
  }

  /// The offset that was committed; nil when there is none.
  func stored(_ queue: MessageQueue) async throws(ClientError) -> Int64? {
    if let local { return local.offset(of: queue) }
    let request = OffsetQuery(group: group, queue: queue)
    let answer = try await runtime.askAny(request, about: queue)
    switch answer.responseCode {
    case .success:
      guard let offset = answer["offset"].flatMap({ Int64($0) }) else {
        throw ClientError(.badAnswer, "the answer names no offset", server: queue.brokerName)
      }
      return offset
    case .queryNotFound: return nil
    default: throw ClientError(refusal: answer, server: queue.brokerName)
    }
  }

  /// Commits what has changed. What was not taken is tried again the next time.
  func commit(_ queues: [MessageQueue]? = nil) async {
    let due = state.withLock { state in
      state.offsets.filter { state.committed[$0.key] != $0.value && queues?.contains($0.key) ?? true }
    }
    if let local { return await commit(due, to: local) }
    // A broker that does not answer does not hold up what the others are told.
    await withDiscardingTaskGroup { group in
      for offsets in Dictionary(grouping: due, by: { $0.key.brokerName }).values {
        group.addTask { await self.tell(offsets) }
      }
    }
  }

  /// Commits offsets of queues of one broker, until it does not answer.
  private func tell(_ due: [(key: MessageQueue, value: Int64)]) async {
    for (queue, offset) in due {
      do throws(ClientError) {
        try await commit(queue, offset)
        state.withLock { if $0.offsets[queue] != nil { $0.committed[queue] = offset } }
      } catch {
        runtime.warn("an offset was not committed", "queue", "\(queue)", cause: error)
        if error.responseCode == nil { return }
      }
    }
  }

  private func commit(_ due: [MessageQueue: Int64], to local: LocalOffsets) async {
    guard !due.isEmpty else { return }
    do throws(ClientError) {
      try await keep(due, in: local)
      state.withLock { state in
        for (queue, offset) in due where state.offsets[queue] != nil { state.committed[queue] = offset }
      }
    } catch {
      runtime.warn("offsets were not kept", "path", local.path, cause: error)
    }
  }

  private func keep(_ offsets: [MessageQueue: Int64], in local: LocalOffsets) async throws(ClientError) {
    let failure = try await runtime.perform { () -> DiskError? in
      do throws(DiskError) {
        try local.store(offsets)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw ClientError(.system, "\(failure)", cause: failure) }
  }

  /// Commits one offset now.
  func commit(_ queue: MessageQueue, _ offset: Int64) async throws(ClientError) {
    if let local { return try await keep([queue: offset], in: local) }
    let request = OffsetUpdate(group: group, queue: queue, offset: offset)
    _ = try await runtime.ask(request, about: queue)
  }
}

/// 14 QUERY_CONSUMER_OFFSET as this client sends it.
struct OffsetQuery: OutgoingRequest {
  static var code: RequestCode { .queryConsumerOffset }
  var group: String
  var queue: MessageQueue

  var fields: [ReplyField] {
    [
      ReplyField("consumerGroup", group), ReplyField("topic", queue.topic), ReplyField("queueId", Int64(queue.queueID)),
    ]
  }
}

/// 15 UPDATE_CONSUMER_OFFSET as this client sends it.
struct OffsetUpdate: OutgoingRequest {
  static var code: RequestCode { .updateConsumerOffset }
  var group: String
  var queue: MessageQueue
  var offset: Int64

  var fields: [ReplyField] {
    [
      ReplyField("consumerGroup", group), ReplyField("topic", queue.topic), ReplyField("queueId", Int64(queue.queueID)),
      ReplyField("commitOffset", offset),
    ]
  }
}

/// A request about one queue, which names the broker group that it is meant for (`bname`).
struct QueueRequest<Inner: OutgoingRequest>: OutgoingRequest {
  static var code: RequestCode { Inner.code }
  var inner: Inner
  var brokerName: String

  var fields: [ReplyField] { inner.fields + [ReplyField("bname", brokerName)] }
  var body: [UInt8] { inner.body }
}

extension ClientRuntime {
  /// Asks a queue's broker about it; the answer may have any code.
  func askAny(
    _ request: some OutgoingRequest, about queue: MessageQueue, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    let request = QueueRequest(inner: request, brokerName: queue.brokerName)
    return try await askAny(request, at: try await anyMember(of: queue), timeout: timeout)
  }

  /// Asks a queue's broker about it; a refusal is thrown.
  func ask(
    _ request: some OutgoingRequest, about queue: MessageQueue, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    let answer = try await askAny(request, about: queue, timeout: timeout)
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: queue.brokerName) }
    return answer
  }

  /// The address of a queue's master, or of another member of its broker group when there is none.
  func anyMember(of queue: MessageQueue) async throws(ClientError) -> String {
    try await member(0, of: queue).address
  }

  /// The address of a member of a queue's broker group: of this one, else of any.
  func member(_ id: Int64, of queue: MessageQueue) async throws(ClientError) -> (id: Int64, address: String) {
    var members = routes.known(queue.topic)?.brokers[queue.brokerName] ?? routes.members(of: queue.brokerName)
    if members == nil { members = try await routes.refresh(queue.topic).brokers[queue.brokerName] }
    guard let members, !members.isEmpty else {
      throw ClientError(.noQueue, "no name server knows the broker group \(queue.brokerName)")
    }
    if let address = members[id] { return (id, address) }
    let first = members.min { $0.key < $1.key }
    guard let first else { throw ClientError(.noQueue, "the broker group \(queue.brokerName) has no member") }
    return (first.key, first.value)
  }
}
