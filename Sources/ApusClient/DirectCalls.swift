import ApusBase
package import ApusModel
package import ApusProtocol
import ApusRemoting
import ApusSystem

/// Requests to one server or another, for tools that administer.
extension MessageClient {
  /// The name servers that are asked, `host:port` each.
  package var nameServers: [String] { runtime.nameServers.all }

  /// Asks the server at `host:port`. A refusal is thrown.
  package func ask(
    _ request: some OutgoingRequest, at server: String, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    try await runtime.ask(request, at: server, timeout: timeout)
  }

  /// Asks the server at `host:port`. The answer may have any code.
  package func askAny(
    _ request: some OutgoingRequest, at server: String, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    try await runtime.askAny(request, at: server, timeout: timeout)
  }

  /// Asks the server at `host:port` in the name of a client of another language, for which some answers differ. A
  /// refusal is thrown.
  package func ask(
    _ request: some OutgoingRequest, at server: String, as language: Language
  ) async throws(ClientError) -> Command {
    let pending = PendingAnswer<Result<Command, ClientError>>()
    let (code, fields, body) = (Swift.type(of: request).code.rawValue, request.fields, request.body)
    let type = runtime.headerType
    let address = try await runtime.address(server, for: Swift.type(of: request).code)
    let call = ClosureCall(
      encode: { id, output in
        let header = CommandHeader(code: code, language: language, id: id, type: type)
        var writer = RequestWriter.begin(header, into: &output)
        for field in fields { writer.field(named: field.name, field.value, into: &output) }
        writer.finish(body: body, into: &output)
      },
      answered: { answer in pending.resolve(.success(Command(copying: answer))) },
      failed: { error in pending.resolve(.failure(ClientError(error, server: server))) })
    let remoting = runtime.remoting
    remoting.call(address, timeout: runtime.configuration.requestTimeout, call)
    let answer = try await pending.value(ifCancelled: .failure(.cancelled), onCancel: { remoting.cancel(call) }).get()
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: server) }
    return answer
  }

  /// Asks one name server after the other until one answers. A refusal is thrown.
  package func askNameServer(_ request: some OutgoingRequest) async throws(ClientError) -> Command {
    let answer = try await runtime.nameServers.ask(request)
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: "the name server") }
    return answer
  }
}

/// What one pull from a queue brought.
package struct PulledMessages: Sendable {
  /// What became of it.
  package enum Status: String, Sendable {
    /// There are messages.
    case found = "FOUND"
    /// There are none so far.
    case noNewMessage = "NO_NEW_MSG"
    /// What there is does not match the expression.
    case noMatch = "NO_MATCHED_MSG"
    /// The offset is not in the queue.
    case offsetIllegal = "OFFSET_ILLEGAL"
  }

  /// What became of it.
  package var status: Status
  /// The messages; those that match only by the hash of their tag are left out.
  package var messages: [ReceivedMessage]
  /// Where to go on.
  package var nextOffset: Int64
}

extension MessageClient {
  /// Pulls from a queue once, without waiting for new messages and without a trace of it in the group's offsets.
  /// `expression` selects by tags: `*`, or `A || B`.
  package func pull(
    _ queue: MessageQueue, from offset: Int64, limit: Int32, matching expression: String, for group: String,
    at broker: String
  ) async throws(ClientError) -> PulledMessages {
    let subscription = Subscription(queue.topic, expression == "*" ? .all : .tags(expression)).data(
      topic: queue.topic, version: SystemClock.wall().milliseconds)
    let pull = Pull(
      group: group, queue: queue, offset: offset, limit: limit, commit: nil, suspend: nil, subscription: subscription,
      version: subscription.version)
    let result = try await pull.answer(
      from: try await runtime.address(broker, for: .pullMessage), named: broker, by: runtime,
      timeout: runtime.configuration.requestTimeout)
    let status: PulledMessages.Status =
      switch result.status {
      case .found: .found
      case .noNewMessage: .noNewMessage
      case .noMatch: .noMatch
      case .offsetIllegal: .offsetIllegal
      }
    let tags = subscription.tags
    let messages = result.messages.filter { tags.isEmpty || $0.tag.map(tags.contains) ?? false }
    return PulledMessages(status: status, messages: messages, nextOffset: result.nextOffset)
  }
}

extension ClientConfiguration {
  /// The addresses in a list as users write it: separated by semicolons or commas.
  package static func nameServers(in text: String) -> [String] { NameServers.parse(text) }
}

extension ReceivedMessage {
  /// The messages of an answer that holds stored records one after the other. Throws when one of them cannot be read.
  package static func records(in body: [UInt8], broker: String) throws(ClientError) -> [ReceivedMessage] {
    var damage: DecodeError?
    let messages = read(body.rawSpan, broker: broker) { damage = damage ?? $0 }
    if let damage { throw ClientError(.badAnswer, "a message of \(broker) cannot be read: \(damage)") }
    return messages
  }
}
