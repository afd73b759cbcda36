import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// The requests of this client that wait for a reply, by their correlation ids. Brokers hand replies over by 326.
final class PendingReplies: Sendable {
  /// What a request ends with.
  typealias Answer = Result<ReceivedMessage, ClientError>

  private struct State {
    var pending: [String: PendingAnswer<Answer>] = [:]
    var isClosed = false
  }

  private let state = Locked(State())

  /// How many requests wait.
  var count: Int { state.withLock { $0.pending.count } }

  /// A request with this correlation id is about to be sent.
  func expect(_ id: String) -> PendingAnswer<Answer> {
    let pending = PendingAnswer<Answer>()
    let isClosed = state.withLock { state in
      if !state.isClosed { state.pending[id] = pending }
      return state.isClosed
    }
    if isClosed { pending.resolve(.failure(.ended)) }
    return pending
  }

  /// Nobody waits for this reply any more.
  func forget(_ id: String) { state.withLock { $0.pending[id] = nil } }

  /// A broker hands a reply over. One that nobody waits for is taken all the same, as it would only come again.
  func take(_ command: Command, from broker: HostAddress, log: Logger) -> Reply {
    let message: ReceivedMessage
    do throws(DecodeError) {
      message = try ReceivedMessage(reply: command)
    } catch {
      log.warning("client", "a reply cannot be read", ["broker": "\(broker)", "cause": error])
      return Reply(.systemError, remark: "the reply cannot be read: \(error)")
    }
    let id = message.properties["CORRELATION_ID"] ?? ""
    let pending = state.withLock { $0.pending.removeValue(forKey: id) }
    if let pending {
      pending.resolve(.success(message))
    } else {
      log.warning("client", "a reply came that nobody waits for", ["correlationID": id, "broker": "\(broker)"])
    }
    return Reply()
  }

  /// The client ends: no reply will come any more.
  func close() {
    let pending = state.withLock { state in
      defer { (state.pending, state.isClosed) = ([:], true) }
      return state.pending.values
    }
    for one in pending { one.resolve(.failure(.ended)) }
  }
}

extension ClientError {
  /// The client's run is over.
  static let ended = ClientError(.closed, "the client has ended")
}

extension ReceivedMessage {
  /// Reads a reply as a broker hands it over (326). It comes out of no queue: it has no offsets.
  init(reply command: Command) throws(DecodeError) {
    let push = try PushReplyMessageToClient.Request(command)
    var properties = ReceivedProperties(Array((push.properties ?? "").utf8))
    properties["ARRIVE_TIME"] = "\(SystemClock.wall().milliseconds)"
    let body = try Compression.inflate(
      push.body.rawSpan, SysFlag(rawValue: push.sysFlag), limit: Self.inflationLimit)
    self.init(
      Contents(
        topic: push.topic, body: body, properties: properties, flag: push.flag,
        queue: MessageQueue(topic: push.topic, brokerName: "", queueID: push.queueID), queueOffset: 0,
        commitLogOffset: 0, bornMilliseconds: push.bornTimestamp, storeMilliseconds: push.storeTimestamp,
        born: .text(push.bornHost), store: .text(push.storeHost), reconsumeTimes: push.reconsumeTimes ?? 0,
        systemFlag: push.sysFlag, bodyCRC: CRC32.body(push.body.rawSpan), storeBytes: 0,
        preparedTransactionOffset: 0))
  }
}
