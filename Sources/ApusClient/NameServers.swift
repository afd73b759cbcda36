import ApusBase
import ApusProtocol
import ApusRemoting
import ApusSystem

/// The name servers of a client: the list, and the one of them that is asked until it fails. They know the same, so any
/// will do; clients begin with different ones.
final class NameServers: Sendable {
  private struct State {
    var servers: [String]
    var current: Int

    /// Begins with one of them at random.
    init(_ servers: [String]) {
      self.servers = servers
      var random = SystemRandom()
      current = servers.isEmpty ? 0 : Int.random(in: servers.indices, using: &random)
    }
  }

  /// How often an address server is asked anew.
  static let discoveryInterval = Duration.seconds(120)

  /// Where the list comes from when it is not given.
  private let source: AddressServerQuery?
  private let state: Locked<State>
  private let lookups = SharedLookups<String, [String]>()
  private let book: AddressBook
  private let remoting: RemotingClient
  private let timeout: Duration
  private let type: HeaderType

  init(
    _ servers: [String], source: AddressServerQuery?, book: AddressBook, remoting: RemotingClient, timeout: Duration,
    type: HeaderType
  ) {
    state = Locked(State(servers))
    self.source = servers.isEmpty ? source : nil
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

  /// Whether an address server tells the list.
  var areDiscovered: Bool { source != nil }

  /// Asks the address server. What is known stays when it does not answer.
  @discardableResult
  func discover(by deadline: MonotonicTime? = nil) async throws(ClientError) -> [String] {
    guard let source else { return all }
    return try await lookups.value("the list of name servers", by: deadline) { [self] in
      do throws(ClientError) {
        let found = try await source.run()
        state.withLock { if $0.servers != found { $0 = State(found) } }
        return .success(found)
      } catch {
        return .failure(error)
      }
    }
  }

  /// Asks one name server after the other until one answers, beginning with the one that answered last.
  func ask(_ request: some OutgoingRequest, by deadline: MonotonicTime? = nil) async throws(ClientError) -> Command {
    if all.isEmpty { try await discover(by: deadline) }
    let (servers, start) = state.withLock { ($0.servers, $0.current) }
    guard !servers.isEmpty else {
      throw ClientError(
        .noNameServer, "no name server is known",
        advice: "Give nameServers, set NAMESRV_ADDR, or give an address server.")
    }
    var attempts: [String] = []
    for step in servers.indices {
      let index = (start + step) % servers.count
      let server = servers[index]
      do throws(ClientError) {
        for address in try await book.addresses(server, by: deadline) {
          let left = try left(until: deadline)
          do throws(ClientError) {
            let answer = try await remoting.ask(
              address, named: server, Swift.type(of: request).code, fields: request.fields, body: request.body,
              type: type, timeout: left)
            if step > 0 { state.withLock { if $0.servers == servers { $0.current = index } } }
            return answer
          } catch {
            if error.code == .cancelled { throw error }
            book.failed(server, at: address)
            attempts.append("\(server): \(error.message)")
          }
        }
      } catch {
        if error.code == .cancelled { throw error }
        attempts.append("\(server): \(error.message)")
      }
    }
    if let deadline, deadline <= SystemClock.monotonic() {
      throw ClientError(.timedOut, "no name server answered before the time limit was over", attempts: attempts)
    }
    throw ClientError(
      .noNameServer, "no name server answered", attempts: attempts,
      advice: "Check that one of \(servers.joined(separator: ", ")) runs and can be reached.")
  }

  private func left(until deadline: MonotonicTime?) throws(ClientError) -> Duration {
    guard let deadline else { return timeout }
    return min(try deadline.left(), timeout)
  }

  /// The route of a topic.
  func route(_ topic: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> TopicRouteData {
    let answer = try await ask(GetRouteInfoByTopic.Request(topic: topic), by: deadline)
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: "the name server") }
    do throws(DecodeError) {
      return try TopicRouteData(bytes: answer.body.rawSpan)
    } catch {
      throw ClientError(.badAnswer, "the route of \(topic) cannot be read: \(error)", cause: error)
    }
  }
}
