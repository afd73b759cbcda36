import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusRemoting
package import ApusSystem

/// Code 223: where each consumer of a group is in its queues. A consumer that does not say so in time is left out; when
/// none does, the request has timed out.
package struct InvokeBrokerToGetConsumerStatusHandler: RelayingHandler {
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
    let named = request.nonBlank("clientAddr").map { ExactName($0) }
    let members = clients.withLock { clients in
      (clients.consumers(of: group) ?? []).compactMap { number in
        clients.client(on: number).map { (connection: number, id: $0.id) }
      }
    }
    guard !members.isEmpty else {
      throw Refusal(.systemError, "No Any Consumer online in the consumer group: [\(group)]")
    }
    let asked = members.filter { named == nil || ExactName($0.id) == named }
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
