import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// What a pull brought.
typealias PullAnswer = Result<PullResult, ClientError>

/// The messages that a pull found and where to go on.
public struct PullResult: Hashable, Sendable {
  /// What became of it, by Java's names.
  public enum Status: String, Hashable, Sendable {
    /// There are messages.
    case found = "FOUND"
    /// Nothing new came in time.
    case noNewMessage = "NO_NEW_MSG"
    /// What came is not for this group: go on at ``PullResult/nextOffset``.
    case noMatch = "NO_MATCHED_MSG"
    /// The offset is not in the queue any more, or not yet: go on at ``PullResult/nextOffset``.
    case offsetIllegal = "OFFSET_ILLEGAL"
  }

  /// What became of it.
  public internal(set) var status: Status
  /// What was found, in the queue's order.
  public internal(set) var messages: [ReceivedMessage]
  /// The offset at which to go on.
  public internal(set) var nextOffset: Int64
  /// The queue's oldest offset.
  public internal(set) var minOffset: Int64
  /// The offset behind the queue's newest message.
  public internal(set) var maxOffset: Int64
  /// The member of the broker group to ask next.
  var suggestedBrokerID: Int64

  /// What a pull brings that was cut short, as its queue goes on elsewhere.
  static func nothing(goOnAt offset: Int64) -> PullResult {
    PullResult(status: .noMatch, messages: [], nextOffset: offset, minOffset: 0, maxOffset: 0, suggestedBrokerID: 0)
  }
}

/// One pull from a queue.
struct Pull: Sendable {
  /// Who pulls.
  var group: String
  /// From where.
  var queue: MessageQueue
  /// From which message on.
  var offset: Int64
  /// How many messages at most.
  var limit: Int32
  /// The offset to be committed by the way; nil for none.
  var commit: Int64?
  /// How long the broker waits when there is nothing; nil for not at all.
  var suspend: Duration?
  /// The expression, for brokers that do not know the group's subscription.
  var subscription: SubscriptionData?
  /// The version of the group's subscription.
  var version: Int64
  /// Whether it comes from a consumer that polls.
  var isLitePull = false

  /// Asks a broker and waits for its answer; a cancelled task leaves no request behind.
  func answer(
    from address: SocketAddress, named server: String, by runtime: ClientRuntime, timeout: Duration
  ) async throws(ClientError) -> PullResult {
    let pending = PendingAnswer<PullAnswer>()
    let call = send(to: address, named: server, by: runtime, timeout: timeout, pending)
    return try await pending.value(
      ifCancelled: .failure(.cancelled), onCancel: { runtime.remoting.cancel(call) }
    ).get()
  }

  /// Sends the pull to a member of the broker group; the answer is given to `pending`.
  func send(
    to address: SocketAddress, named server: String, by runtime: ClientRuntime, timeout: Duration,
    _ pending: PendingAnswer<PullAnswer>
  ) -> any OutgoingCall {
    let (type, broker, offset, log) = (runtime.headerType, queue.brokerName, offset, runtime.log)
    let call = ClosureCall(
      encode: { id, output in encode(id, type, into: &output) },
      answered: { answer in pending.resolve(Self.read(answer, from: offset, broker: broker, server: server, log)) },
      failed: { error in pending.resolve(.failure(ClientError(error, server: server))) })
    runtime.remoting.call(address, timeout: timeout, call)
    return call
  }

  private func encode(_ id: RequestID, _ type: HeaderType, into output: inout ByteWriter) {
    var flags: PullFlags = []
    if commit != nil { flags.insert(.commitOffset) }
    if suspend != nil { flags.insert(.suspend) }
    if subscription != nil { flags.insert(.subscription) }
    if isLitePull { flags.insert(.litePull) }
    let (group, topic) = (Array(group.utf8), Array(queue.topic.utf8))
    var writer = RequestWriter.begin(.pullMessage, id: id, type: type, into: &output)
    writer.field("consumerGroup", group.rawSpan, into: &output)
    writer.field("topic", topic.rawSpan, into: &output)
    writer.field("queueId", queue.queueID, into: &output)
    writer.field("queueOffset", offset, into: &output)
    writer.field("maxMsgNums", limit, into: &output)
    writer.field("sysFlag", flags.rawValue, into: &output)
    writer.field("commitOffset", commit ?? 0, into: &output)
    writer.field("suspendTimeoutMillis", suspend?.milliseconds ?? 0, into: &output)
    if let subscription { writer.field("subscription", subscription.expression, into: &output) }
    writer.field("subVersion", version, into: &output)
    writer.field("expressionType", subscription?.expressionType ?? "TAG", into: &output)
    writer.field("bname", queue.brokerName, into: &output)
    writer.finish(into: &output)
  }

  private static func read(
    _ answer: borrowing Request, from offset: Int64, broker: String, server: String, _ log: Logger
  ) -> PullAnswer {
    let code = ResponseCode(answer.header.code)
    let status: PullResult.Status
    switch code {
    case .success: status = .found
    case .pullNotFound: status = .noNewMessage
    case .pullRetryImmediately: status = .noMatch
    case .pullOffsetMoved: status = .offsetIllegal
    default: return .failure(ClientError(code, remark: answer.remark?.text, server: server))
    }
    guard var next = answer.field("nextBeginOffset")?.decimal(Int64.self),
      let min = answer.field("minOffset")?.decimal(Int64.self),
      let max = answer.field("maxOffset")?.decimal(Int64.self)
    else { return .failure(ClientError(.badAnswer, "the answer to a pull names no offsets", server: server)) }
    var messages: [ReceivedMessage] = []
    if status == .found {
      let found = ReceivedMessage.read(answer.body, broker: broker) { error in
        log.error("client", "a message cannot be read and is left out", ["broker": broker, "cause": error])
      }
      messages = found.messages
      if let left = found.next {
        guard left > offset, left < next else {
          let reason = "the messages become too large, and do not say where in the queue to go on"
          return .failure(ClientError(.badAnswer, reason, server: server))
        }
        next = left
      }
    }
    return .success(
      PullResult(
        status: status, messages: messages, nextOffset: next, minOffset: min, maxOffset: max,
        suggestedBrokerID: answer.field("suggestWhichBrokerId")?.decimal(Int64.self) ?? 0))
  }
}
