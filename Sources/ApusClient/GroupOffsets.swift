import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// How far a group has consumed each queue: kept by the brokers, or in a file where messages are broadcast, and
/// committed now and then. What this consumer has got to itself only its ``QueueWork`` knows, so that a queue that goes
/// on elsewhere cannot be led back by what somebody read before.
final class GroupOffsets: Sendable {
  private let group: String
  private let runtime: ClientRuntime
  private let local: LocalOffsets?

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

  /// Commits how far queues are consumed, where that has changed. What was not taken is tried again the next time. A
  /// queue that was given up may be somebody else's by now: it is left out unless this is its `isLast` time.
  func commit(_ queues: [QueueWork], isLast: Bool = false) async {
    if let local { return await commit(queues, isLast, to: local) }
    // A broker that does not answer does not hold up what the others are told.
    await withDiscardingTaskGroup { group in
      for works in Dictionary(grouping: queues, by: { $0.queue.brokerName }).values {
        group.addTask { await self.tell(works, isLast) }
      }
    }
  }

  /// Commits offsets of queues of one broker, until it does not answer.
  private func tell(_ queues: [QueueWork], _ isLast: Bool) async {
    for work in queues {
      // Asked only now: it may have gone on elsewhere, or to somebody else, while the broker was told of the others.
      guard let offset = work.due(isLast: isLast) else { continue }
      do throws(ClientError) {
        try await commit(work.queue, offset)
        work.committed(offset)
      } catch {
        runtime.warn(
          "an offset was not committed", "queue", "\(work.queue)", broker: work.queue.brokerName, cause: error)
        if error.responseCode == nil { return }
      }
    }
  }

  private func commit(_ queues: [QueueWork], _ isLast: Bool, to local: LocalOffsets) async {
    var due: [MessageQueue: Int64] = [:]
    for work in queues { due[work.queue] = work.due(isLast: isLast) }
    guard !due.isEmpty else { return }
    do throws(ClientError) {
      try await keep(due, in: local)
      for work in queues { if let offset = due[work.queue] { work.committed(offset) } }
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
    let deadline = SystemClock.monotonic() + (timeout ?? configuration.requestTimeout)
    let request = QueueRequest(inner: request, brokerName: queue.brokerName)
    let broker = try await anyMember(of: queue, by: deadline)
    return try await askAny(request, at: broker, timeout: try deadline.left())
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
  func anyMember(of queue: MessageQueue, by deadline: MonotonicTime? = nil) async throws(ClientError) -> String {
    try await member(0, of: queue, by: deadline).address
  }

  /// The address of a member of a queue's broker group: of this one, else of any. A look-up ends by the deadline.
  func member(
    _ id: Int64, of queue: MessageQueue, by deadline: MonotonicTime? = nil
  ) async throws(ClientError) -> (id: Int64, address: String) {
    var members = routes.known(queue.topic)?.brokers[queue.brokerName] ?? routes.members(of: queue.brokerName)
    if members == nil { members = try await routes.refresh(queue.topic, by: deadline).brokers[queue.brokerName] }
    guard let members, !members.isEmpty else {
      throw ClientError(.noQueue, "no name server knows the broker group \(queue.brokerName)")
    }
    if let address = members[id] { return (id, address) }
    let first = members.min { $0.key < $1.key }
    guard let first else { throw ClientError(.noQueue, "the broker group \(queue.brokerName) has no member") }
    return (first.key, first.value)
  }
}
