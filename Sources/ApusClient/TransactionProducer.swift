import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// What became of the local half of a transaction.
public enum TransactionState: Hashable, Sendable {
  /// The message is to be delivered.
  case commit
  /// The message is never to be delivered.
  case rollback
  /// Not known yet: the broker asks again later, 15 times a minute apart unless configured otherwise, then gives up and
  /// never delivers the message.
  case unknown

  var resolution: EndTransaction.Resolution {
    switch self {
    case .commit: .commit
    case .rollback: .rollback
    case .unknown: .unknown
    }
  }
}

/// Sends messages that are delivered only when a local transaction succeeds. The broker keeps each as a half message
/// until it is told what became of the transaction; where it is not told, it asks `check` of any producer of the group,
/// while ``MessageClient/run()`` runs.
public final class TransactionProducer: Sendable {
  /// Tells what became of the transaction that a message belongs to.
  public typealias Check = @Sendable (ReceivedMessage) async -> TransactionState

  /// Sends the half messages; plain messages of the group can be sent by it too.
  public let producer: Producer
  private let check: Check

  init(_ producer: Producer, check: @escaping Check) {
    self.producer = producer
    self.check = check
  }

  /// Sends a half message within `timeout` (``ProducerConfiguration/sendTimeout``), runs `local` when it is stored, and
  /// tells the broker the outcome. When `local` throws, nobody knows how far it came, as a database may have committed
  /// although its answer was lost: the state is ``TransactionState/unknown``, so that the broker asks `check`, and the
  /// error is passed on. A half message that is stored less safely than the broker's mode promises is rolled back
  /// without running `local`.
  /// Throws a ``ClientError`` when the half message could not be sent or is to be delayed, which it may not.
  public func send(
    _ message: Message, timeout: Duration? = nil,
    local: @Sendable (SendReceipt) async throws -> TransactionState
  ) async throws -> (receipt: SendReceipt, state: TransactionState) {
    guard message.delivery == .now else {
      throw ClientError(.invalidArgument, "a message of a transaction cannot be delayed")
    }
    let receipt = try await producer.sendHalf(message, timeout: timeout)
    let half = HalfMessage(message, receipt)
    guard receipt.status == .stored else {
      await end(half, receipt, .rollback)
      return (receipt, .rollback)
    }
    do {
      let state = try await local(receipt)
      await end(half, receipt, state)
      return (receipt, state)
    } catch {
      await end(half, receipt, .unknown)
      throw error
    }
  }

  /// Tells the broker, also when the task was cancelled meanwhile; should that fail it asks.
  private func end(_ half: HalfMessage, _ receipt: SendReceipt, _ state: TransactionState) async {
    await Task { await self.tellEnd(half, receipt, state) }.value
  }

  private func tellEnd(_ half: HalfMessage, _ receipt: SendReceipt, _ state: TransactionState) async {
    let id = receipt.offsetMessageID
    do throws(ClientError) {
      let offset = try Self.offset(in: id)
      let request = TransactionEnd(
        group: producer.group, queueOffset: receipt.queueOffset, offset: offset, resolution: state.resolution,
        isAnswer: false, messageID: receipt.messageID, transactionID: receipt.transactionID,
        brokerName: receipt.queue.brokerName)
      let broker = try await producer.runtime.anyMember(of: receipt.queue)
      try await producer.runtime.tell(request, at: broker)
      producer.tracer?.ended(half, state, at: broker, isAnswer: false)
    } catch {
      producer.runtime.warn(
        "the end of a transaction was not told, the broker will ask", "message", id, cause: error)
    }
  }

  private static func offset(in id: String) throws(ClientError) -> Int64 {
    do throws(DecodeError) {
      return try MessageID(Array(id.utf8).rawSpan).offset.rawValue
    } catch {
      throw ClientError(.badAnswer, "the message id \(id) cannot be read: \(error)", cause: error)
    }
  }

  /// A broker asks what became of a transaction.
  func answer(_ command: Command, from broker: HostAddress) async {
    let found = ReceivedMessage.read(command.body.rawSpan, broker: "\(broker)") { error in
      producer.runtime.log.error("client", "a half message cannot be read", ["cause": error])
    }
    guard let half = found.messages.first, let queueOffset = command["tranStateTableOffset"].flatMap({ Int64($0) }),
      let offset = command["commitLogOffset"].flatMap({ Int64($0) })
    else { return }
    var message = half
    message.topic = Namespace.unwrap(
      half.properties["REAL_TOPIC"] ?? half.topic, from: producer.runtime.configuration.namespace)
    let state = await check(message)
    let request = TransactionEnd(
      group: producer.group, queueOffset: queueOffset, offset: offset, resolution: state.resolution, isAnswer: true,
      messageID: command["msgId"] ?? half.messageID, transactionID: command["transactionId"] ?? half.messageID)
    do throws(ClientError) {
      try await producer.runtime.tell(request, at: "\(broker)")
      producer.tracer?.ended(HalfMessage(message), state, at: "\(broker)", isAnswer: true)
    } catch {
      producer.runtime.warn("the broker was not told about a transaction", "broker", "\(broker)", cause: error)
    }
  }
}

/// What traces tell of a message whose transaction ends.
struct HalfMessage: Sendable {
  var topic: String
  var messageID: String
  var tag: String?
  var keys: String?
  var region: String?
  var transactionID: String

  /// One that was just sent.
  init(_ message: Message, _ receipt: SendReceipt) {
    topic = message.topic
    messageID = receipt.messageID
    tag = message.tag
    keys = message.keys.isEmpty ? nil : message.keys.joined(separator: " ")
    region = receipt.region
    transactionID = receipt.transactionID ?? receipt.messageID
  }

  /// One that the broker asks about.
  init(_ message: ReceivedMessage) {
    topic = message.topic
    messageID = message.messageID
    tag = message.tag
    keys = message.properties["KEYS"]
    region = message.properties["MSG_REGION"]
    transactionID = message.transactionID ?? message.messageID
  }
}

/// 39 CHECK_TRANSACTION_STATE as a broker asks it.
enum CheckedTransaction {
  /// The producer group of the half message that is asked about.
  static func group(of command: Command) -> String? {
    do throws(DecodeError) {
      return try StoredRecord(command.body.rawSpan).properties.dictionary["PGROUP"]
    } catch {
      return nil
    }
  }
}

/// 37 END_TRANSACTION as this client sends it.
struct TransactionEnd: OutgoingRequest {
  static var code: RequestCode { .endTransaction }
  var group: String
  var queueOffset: Int64
  var offset: Int64
  var resolution: EndTransaction.Resolution
  var isAnswer: Bool
  var messageID: String
  /// Brokers of this line name none.
  var transactionID: String?
  /// Told to the broker that a half message was sent to, not to one that asks.
  var brokerName: String?

  var fields: [ReplyField] {
    var fields = [
      ReplyField("producerGroup", group), ReplyField("tranStateTableOffset", queueOffset),
      ReplyField("commitLogOffset", offset), ReplyField("commitOrRollback", Int64(resolution.rawValue)),
      ReplyField("fromTransactionCheck", isAnswer), ReplyField("msgId", messageID),
    ]
    if let transactionID { fields.append(ReplyField("transactionId", transactionID)) }
    if let brokerName { fields.append(ReplyField("bname", brokerName)) }
    return fields
  }
}

extension MessageClient {
  /// Makes a producer of transactions. `check` is asked about transactions whose outcome the broker does not know: it
  /// answers from what the local transaction wrote, as the process that is asked may be another one of the group.
  /// Throws as ``producer(group:_:)``.
  public func transactionProducer(
    group: String, _ configuration: ProducerConfiguration = ProducerConfiguration(),
    check: @escaping TransactionProducer.Check
  ) throws(ClientError) -> TransactionProducer {
    let transactions = TransactionProducer(try producer(group: group, configuration), check: check)
    serve(transactions)
    return transactions
  }
}
