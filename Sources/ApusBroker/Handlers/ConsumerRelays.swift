import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusRemoting
package import ApusSystem

/// Finds the consumers that requests are passed on to.
struct RelayTargets: Sendable {
  /// V3_1_8_SNAPSHOT: older clients know neither 307 nor 309.
  static let oldestVersion: Int32 = 62
  /// How long a consumer may take.
  static let timeout = Duration.seconds(10)

  let clients: Locked<ClientTable>

  /// The request passed on to one consumer of a group, and its answer back as it is.
  func relay(
    _ code: RequestCode, to clientID: String, of group: String, fields: [ReplyField], body: [UInt8]
  ) throws(Refusal) -> Relay {
    let found = clients.withLock { clients in
      clients.consumer(clientID: clientID, group: group).flatMap { number in
        clients.client(on: number).map { (number, $0.version) }
      }
    }
    guard let (connection, version) = found else {
      throw Refusal(.systemError, "The Consumer <\(group)> <\(clientID)> not online")
    }
    guard version >= Self.oldestVersion else {
      throw Refusal(
        .systemError,
        "The Consumer <\(group)> <\(clientID)> Version <\(version)> too low to finish, please upgrade it to "
          + "V3_1_8_SNAPSHOT")
    }
    let call = ClientCall(connection: connection, code: code, fields: fields, body: body)
    return Relay([call], timeout: Self.timeout) { outcomes in
      switch outcomes[0] {
      case .success(let answer):
        Reply(answer.responseCode, remark: answer.remark, fields: answer.fields ?? [], body: answer.body)
      case .failure(.timedOut):
        Reply(
          .consumeMessageTimeout, remark: "consumer <\(group)> <\(clientID)> Timeout: no answer within 10 seconds")
      case .failure(let error):
        Reply(.systemError, remark: "invoke consumer <\(group)> <\(clientID)> Exception: \(error)")
      }
    }
  }
}

/// Code 307: how a consumer is doing, as it says itself.
package struct GetConsumerRunningInfo: RelayingHandler {
  private let targets: RelayTargets

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { targets = RelayTargets(clients: clients) }

  /// Passes the request on as it is.
  package func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay {
    let group = try request.text("consumerGroup")
    return try targets.relay(
      .getConsumerRunningInfo, to: try request.text("clientId"), of: group, fields: request.fields ?? [],
      body: request.body)
  }
}

/// Code 309: lets a consumer consume one message now, and tells what came of it.
package struct ConsumeMessageDirectly: RelayingHandler {
  private let targets: RelayTargets
  private let messages: any StoredMessages
  private let broker: String

  /// Takes its parts; `broker` is the broker's name.
  package init(clients: Locked<ClientTable>, messages: any StoredMessages, broker: String) {
    targets = RelayTargets(clients: clients)
    self.messages = messages
    self.broker = broker
  }

  /// Passes the request on with the message.
  package func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay {
    let group = try request.text("consumerGroup")
    let clientID = try request.text("clientId")
    let text = try request.text("msgId")
    let id: MessageID
    do throws(DecodeError) {
      id = try MessageID(text)
    } catch {
      throw Refusal(.systemError, "msgId is no offset id of a message: \(text.prefix(64))")
    }
    let record: [UInt8]?
    do throws(DiskError) {
      record = try messages.record(at: id.offset)
    } catch {
      throw Refusals.disk(error)
    }
    guard let record else {
      throw Refusal(.systemError, "look message by offset failed, \(id.offset.rawValue)")
    }
    let fields = (request.fields ?? []).filter { $0.name != "brokerName" } + [ReplyField("brokerName", broker)]
    return try targets.relay(.consumeMessageDirectly, to: clientID, of: group, fields: fields, body: record)
  }
}

/// Code 223: where each consumer of a group is in its queues. A consumer that does not say so in time is left out; when
/// none does, the request has timed out.
package struct InvokeBrokerToGetConsumerStatus: RelayingHandler {
  /// How long a consumer may take.
  private static let timeout = Duration.seconds(5)
  /// Longer answers are not read: a consumer of a thousand queues needs a tenth of it.
  private static let answerLimit = 1 << 20

  private let clients: Locked<ClientTable>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { self.clients = clients }

  /// Asks all consumers of the group, or the one that is named.
  package func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay {
    let topic = try request.text("topic")
    let group = try request.text("group")
    let named = request["clientAddr"].flatMap { $0.contains { !$0.isWhitespace } ? $0 : nil }
    let members = clients.withLock { clients in
      (clients.consumers(of: group) ?? []).compactMap { number in
        clients.client(on: number).map { (connection: number, id: $0.id) }
      }
    }
    guard !members.isEmpty else {
      throw Refusal(.systemError, "No Any Consumer online in the consumer group: [\(group)]")
    }
    let asked = members.filter { named == nil || $0.id == named }
    let fields = GetConsumerStatusFromClient.Request(topic: topic, group: group).fields
    let calls = asked.map {
      ClientCall(connection: $0.connection, code: .getConsumerStatusFromClient, fields: fields)
    }
    let ids = asked.map(\.id)
    return Relay(calls, timeout: Self.timeout) { outcomes in Self.answer(ids, outcomes) }
  }

  private static func answer(_ ids: [String], _ outcomes: [Relay.Outcome]) -> Reply {
    var statuses: [ConsumerStatusBody.Client] = []
    var isLate = false
    for (id, outcome) in zip(ids, outcomes) {
      switch outcome {
      case .success(let answer)
      where answer.responseCode == .success && (1...answerLimit).contains(answer.body.count):
        do throws(DecodeError) {
          statuses.append(.init(id, try ConsumerStatusBody(bytes: answer.body).queues))
        } catch {
          // What a client says of itself and nobody can read counts as not said.
        }
      case .failure(.timedOut): isLate = true
      case .success, .failure: break
      }
    }
    if statuses.isEmpty, isLate {
      return Reply(.consumeMessageTimeout, remark: "no consumer answered within 5 seconds")
    }
    return Reply(body: ConsumerStatusBody(clients: statuses).bytes())
  }
}
