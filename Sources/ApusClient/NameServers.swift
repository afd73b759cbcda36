import ApusBase
import ApusProtocol
import ApusRemoting
import ApusSystem

/// The name servers of a client: the list, and the one of them that is asked first, as it was the last to know an
/// answer, or the first to give one where none knew. They know the same but for those that have just started, which
/// hear of brokers as these register again; clients begin with different ones.
///
/// Deviation: one that does not know a topic, or refuses, is no reason to give up while another may know it; Java takes
/// the first answer.
final class NameServers: Sendable {
  private struct State {
    var servers: [String]
    var current: Int
    /// When those that did not answer the last time were asked.
    var silent: [String: MonotonicTime] = [:]

    /// Begins with one of them at random.
    init(_ servers: [String]) {
      self.servers = servers
      var random = SystemRandom()
      current = servers.isEmpty ? 0 : Int.random(in: servers.indices, using: &random)
    }
  }

  /// How long a server that did not answer is not waited for, where another one has answered already.
  private static let silence = Duration.seconds(30)
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

  /// Asks one name server after the other until one knows what is asked for, beginning with the current one.
  /// `knows` tells by an answer, which may have any code, whether its server does. When none does the first answer is
  /// returned. The others have a third of a request's time together to know better, and no more than half of the time
  /// until the deadline: a new topic is sent to by a borrowed route then, within what is left.
  func ask(
    _ request: some OutgoingRequest, by deadline: MonotonicTime? = nil,
    knows: (Command) -> Bool = { $0.responseCode == .success }
  ) async throws(ClientError) -> Command {
    if all.isEmpty { try await discover(by: deadline) }
    let (servers, start) = state.withLock { ($0.servers, $0.current) }
    guard !servers.isEmpty else {
      throw ClientError(
        .noNameServer, "no name server is known",
        advice: "Give nameServers, set NAMESRV_ADDR, or give an address server.")
    }
    var limit = deadline
    var unknowing: Command?
    var attempts: [String] = []
    for step in servers.indices {
      let index = (start + step) % servers.count
      let server = servers[index]
      if unknowing != nil, isSilent(server) { continue }
      guard let answer = try await answer(of: server, to: request, by: limit, &attempts) else { continue }
      let isKnown = knows(answer)
      // Also when it does not know: those before it gave no answer, and would be waited for the next time, too.
      if step > 0, isKnown || unknowing == nil { state.withLock { if $0.servers == servers { $0.current = index } } }
      if isKnown { return answer }
      guard unknowing == nil else { continue }
      unknowing = answer
      let now = SystemClock.monotonic()
      limit = now + min(timeout / 3, deadline.map { ($0 - now) / 2 } ?? timeout)
    }
    if let unknowing { return unknowing }
    if let deadline, deadline <= SystemClock.monotonic() {
      throw ClientError(.timedOut, "no name server answered before the time limit was over", attempts: attempts)
    }
    throw ClientError(
      .noNameServer, "no name server answered", attempts: attempts,
      advice: "Check that one of \(servers.joined(separator: ", ")) runs and can be reached.")
  }

  /// Asks a name server, at each of its addresses until it answers. Nil when it does not: why is added to `attempts`.
  /// Throws when there is no use in asking another one: the task was cancelled, or the client has ended.
  private func answer(
    of server: String, to request: some OutgoingRequest, by deadline: MonotonicTime?, _ attempts: inout [String]
  ) async throws(ClientError) -> Command? {
    do throws(ClientError) {
      for address in try await book.addresses(server, by: deadline) {
        let left = try left(until: deadline)
        do throws(ClientError) {
          let answer = try await remoting.ask(
            address, named: server, Swift.type(of: request).code, fields: request.fields, body: request.body,
            type: type, timeout: left)
          state.withLock { $0.silent[server] = nil }
          return answer
        } catch {
          if Self.endsAll(error) { throw error }
          book.failed(server, at: address)
          state.withLock { $0.silent[server] = SystemClock.monotonic() }
          attempts.append("\(server): \(error.message)")
        }
      }
    } catch {
      if Self.endsAll(error) { throw error }
      attempts.append("\(server): \(error.message)")
    }
    return nil
  }

  private static func endsAll(_ error: ClientError) -> Bool { error.code == .cancelled || error.code == .closed }

  /// Whether a server did not answer a moment ago.
  private func isSilent(_ server: String) -> Bool {
    guard let since = state.withLock({ $0.silent[server] }) else { return false }
    return SystemClock.monotonic() - since < Self.silence
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
