import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// Puts messages on the wire and reads the answers where they lie.
final class Sender: Sendable {
  /// Told of what is sent, where messages are traced.
  let tracer: Tracer?
  private let group: [UInt8]
  private let template: [UInt8]
  private let queueCount: Int32
  private let unitMode: Bool
  private let type: HeaderType
  private let runtime: ClientRuntime

  init(group: String, _ configuration: ProducerConfiguration, runtime: ClientRuntime, tracer: Tracer?) {
    self.tracer = tracer
    self.group = Array(group.utf8)
    template = Array(configuration.createTopicKey.utf8)
    queueCount = configuration.defaultTopicQueueCount
    unitMode = runtime.configuration.unitMode
    type = runtime.headerType
    self.runtime = runtime
  }

  /// Sends a message to a queue and waits for the answer, until the deadline.
  func send(
    _ message: OutgoingMessage, to queue: MessageQueue, at broker: String, by deadline: MonotonicTime
  ) async throws(ClientError) -> SendReceipt {
    let began = SystemClock.monotonic()
    let address = try await runtime.address(broker, for: message.kind.code, by: deadline)
    let now = SystemClock.wall()
    let call = SendCall(message, to: queue, at: broker, now, by: self)
    runtime.remoting.call(address, timeout: try deadline.left(), call)
    do throws(ClientError) {
      let receipt = try await call.pending.value(
        ifCancelled: .failure(.cancelled), onCancel: { [remoting = runtime.remoting] in remoting.cancel(call) }
      ).get()
      guard let tracer else { return receipt }
      tracer.sent(message, receipt, at: broker, began: now, took: SystemClock.monotonic() - began)
      return receipt
    } catch {
      runtime.unreachable(broker, at: address, error)
      throw error
    }
  }

  /// Sends a message to a queue without an answer: it may be lost unnoticed. Returns when it is on its way, which has
  /// to be before the deadline.
  func sendOneway(
    _ message: OutgoingMessage, to queue: MessageQueue, at broker: String, by deadline: MonotonicTime
  ) async throws(ClientError) {
    let address = try await runtime.address(broker, for: message.kind.code, by: deadline)
    let pending = PendingAnswer<ClientError?>()
    let now = SystemClock.wall()
    runtime.remoting.notify(
      address, timeout: try deadline.left(),
      encode: { [self] id, output in encode(message, queue, now, id, oneway: true, into: &output) },
      done: { error in pending.resolve(error.map { ClientError($0, server: broker) }) })
    if let error = await pending.value(ifCancelled: .cancelled) { throw error }
  }

  fileprivate func encode(
    _ message: OutgoingMessage, _ queue: MessageQueue, _ now: WallTime, _ id: RequestID, oneway: Bool = false,
    into output: inout ByteWriter
  ) {
    // The request borrows them; a property of a class cannot be.
    let (group, template, broker) = (group, template, Array(queue.brokerName.utf8))
    let request = SendMessage.Request(
      producerGroup: group.rawSpan, topic: message.topic.rawSpan, defaultTopic: template.rawSpan,
      defaultTopicQueueCount: queueCount, queueID: queue.queueID, sysFlag: message.sysFlag.rawValue, bornTime: now,
      flag: message.flag, properties: message.properties.rawSpan, reconsumeTimes: message.reconsumeTimes,
      unitMode: unitMode, isBatch: message.kind == .batch, maxReconsumeTimes: message.maxReconsumeTimes,
      brokerName: broker.rawSpan, body: message.body.rawSpan)
    request.encode(message.kind.code, id: id, oneway: oneway, type: type, into: &output)
  }

  fileprivate static func read(
    _ answer: borrowing Request, _ message: OutgoingMessage, _ queue: MessageQueue, _ broker: String
  ) -> Result<SendReceipt, ClientError> {
    let code = ResponseCode(answer.header.code)
    let status: SendReceipt.Status
    switch code {
    case .success: status = .stored
    case .flushDiskTimeout: status = .flushTimedOut
    case .flushSlaveTimeout: status = .replicaTimedOut
    case .slaveNotAvailable: status = .replicaNotAvailable
    default: return .failure(ClientError(code, remark: answer.remark?.text, server: broker))
    }
    guard let id = answer.field("msgId"), let queueID = answer.field("queueId")?.decimal(Int32.self),
      let offset = answer.field("queueOffset")?.decimal(Int64.self)
    else {
      return .failure(ClientError(.badAnswer, "the answer to a send names no message", server: broker))
    }
    return .success(
      SendReceipt(
        status: status, messageID: message.messageID, offsetMessageID: id.text,
        queue: MessageQueue(topic: queue.topic, brokerName: queue.brokerName, queueID: queueID), queueOffset: offset,
        transactionID: answer.field("transactionId")?.text, region: answer.field("MSG_REGION")?.text,
        isTraced: answer.field("TRACE_ON")?.text != "false"))
  }
}

/// A message on its way to a queue.
private final class SendCall: OutgoingCall, @unchecked Sendable {
  var progress = CallProgress()
  let pending = PendingAnswer<Result<SendReceipt, ClientError>>()
  private let message: OutgoingMessage
  private let queue: MessageQueue
  private let broker: String
  private let sender: Sender
  private let now: WallTime

  init(
    _ message: OutgoingMessage, to queue: MessageQueue, at broker: String, _ now: WallTime, by sender: Sender
  ) {
    (self.message, self.queue, self.broker, self.now, self.sender) = (message, queue, broker, now, sender)
  }

  func encode(_ id: RequestID, into output: inout ByteWriter) {
    sender.encode(message, queue, now, id, into: &output)
  }

  func answered(_ answer: borrowing Request) { pending.resolve(Sender.read(answer, message, queue, broker)) }

  func failed(_ error: CallError) { pending.resolve(.failure(ClientError(error, server: broker))) }
}
