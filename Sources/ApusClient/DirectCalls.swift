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
    try await runtime.ask(request, at: server, as: language)
  }

  /// Asks one name server after the other until one knows what is asked for, as `knows` tells by an answer of any code.
  /// When none does the first answer counts. A refusal is thrown.
  package func askNameServer(
    _ request: some OutgoingRequest, knows: (Command) -> Bool = { $0.responseCode == .success }
  ) async throws(ClientError) -> Command {
    let answer = try await runtime.nameServers.ask(request, knows: knows)
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: "the name server") }
    return answer
  }
}

extension MessageClient {
  /// Pulls from a queue once, without waiting for new messages and without a trace of it in the group's offsets.
  /// `expression` selects by tags: `*`, or `A || B`.
  package func pull(
    _ queue: MessageQueue, from offset: Int64, limit: Int32, matching expression: String, for group: String,
    at broker: String
  ) async throws(ClientError) -> PullResult {
    let pull = Pull(once: queue, from: offset, limit: limit, .tags(expression), for: group)
    return try await pull.result(from: broker, by: runtime, timeout: runtime.configuration.requestTimeout)
  }
}

extension ClientConfiguration {
  /// The addresses in a list as users write it: separated by semicolons or commas.
  package static func nameServers(in text: String) -> [String] { NameServers.parse(text) }
}

extension Message {
  /// Names of properties that applications may not set: the protocol gives them a meaning of its own.
  package static var reservedProperties: Set<String> { OutgoingMessage.reserved }
}

extension ReceivedMessage {
  /// The messages of an answer that holds stored records one after the other. Throws when one of them cannot be read,
  /// or when they become too large.
  package static func records(in body: [UInt8], broker: String) throws(ClientError) -> [ReceivedMessage] {
    var damage: DecodeError?
    let found = read(body.rawSpan, broker: broker) { damage = damage ?? $0 }
    if let damage { throw ClientError(.badAnswer, "a message of \(broker) cannot be read: \(damage)") }
    guard found.next == nil else {
      throw ClientError(
        .badAnswer, "the messages of \(broker) become more than \(inflationBudget) bytes when decompressed",
        advice: "Ask for fewer at once.")
    }
    return found.messages
  }
}
