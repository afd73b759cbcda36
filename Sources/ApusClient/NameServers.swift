import ApusBase
import ApusProtocol
import ApusRemoting
import ApusSystem

/// The name servers of a client: the list, and the one of them that is asked until it fails.
final class NameServers: Sendable {
  private struct State {
    var servers: [String]
    var current = 0
  }

  private let state: Locked<State>
  private let book: AddressBook
  private let remoting: RemotingClient
  private let timeout: Duration
  private let type: HeaderType

  init(_ servers: [String], book: AddressBook, remoting: RemotingClient, timeout: Duration, type: HeaderType) {
    state = Locked(State(servers: servers))
    self.book = book
    self.remoting = remoting
    self.timeout = timeout
    self.type = type
  }

  /// The addresses in a list as users write it: separated by semicolons or commas.
  static func parse(_ text: String) -> [String] {
    text.split { $0 == ";" || $0 == "," }.map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }.filter { !$0.isEmpty }
  }

  /// The list.
  var all: [String] { state.withLock { $0.servers } }

  /// Replaces the list; an empty one is ignored.
  func replace(_ servers: [String]) {
    guard !servers.isEmpty else { return }
    state.withLock { state in
      guard state.servers != servers else { return }
      state = State(servers: servers)
    }
  }

  /// Asks one name server after the other until one answers, beginning with the one that answered last.
  func ask(_ request: some OutgoingRequest) async throws(ClientError) -> Command {
    let (servers, start) = state.withLock { ($0.servers, $0.current) }
    guard !servers.isEmpty else {
      throw ClientError(
        .noNameServer, "no name server is known",
        advice: "Give nameServers, set NAMESRV_ADDR, or give an address server.")
    }
    var attempts: [String] = []
    for step in servers.indices {
      let index = (start + step) % servers.count
      do throws(ClientError) {
        let address = try await book.address(servers[index])
        let answer = try await remoting.ask(
          address, named: servers[index], Swift.type(of: request).code, fields: request.fields, body: request.body,
          type: type, timeout: timeout)
        if step > 0 { state.withLock { if $0.servers == servers { $0.current = index } } }
        return answer
      } catch {
        if error.code == .cancelled { throw error }
        attempts.append("\(servers[index]): \(error.message)")
      }
    }
    throw ClientError(
      .noNameServer, "no name server answered", attempts: attempts,
      advice: "Check that one of \(servers.joined(separator: ", ")) runs and can be reached.")
  }

  /// The route of a topic.
  func route(_ topic: String) async throws(ClientError) -> TopicRouteData {
    let answer = try await ask(GetRouteInfoByTopic.Request(topic: topic))
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: "the name server") }
    do throws(DecodeError) {
      return try TopicRouteData(bytes: answer.body.rawSpan)
    } catch {
      throw ClientError(.badAnswer, "the route of \(topic) cannot be read: \(error)", cause: error)
    }
  }
}
