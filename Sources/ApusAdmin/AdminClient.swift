import ApusBase
package import ApusClient
import ApusProtocol
import ApusSystem

/// Asks name servers and brokers what administering programs ask. Each operation is one request code; what needs
/// several of them is a command. Nothing is printed.
package final class AdminClient: Sendable {
  /// For how long a server that gave no answer in time is not asked again. A command that asks it for every topic would
  /// wait for each of them.
  private static let silence = Duration.seconds(30)

  /// Sends, pulls and consumes over the same connections.
  package let messages: MessageClient
  /// When servers gave no answer in time.
  private let silent = Locked<[String: MonotonicTime]>([:])

  /// Makes a client; no connection is made yet.
  package init(_ configuration: ClientConfiguration) throws(AdminError) {
    do throws(ClientError) {
      messages = try MessageClient(configuration)
    } catch {
      throw AdminError(error)
    }
  }

  /// The name servers that are asked, `host:port` each.
  package var nameServers: [String] { messages.nameServers }

  /// Asks a server; a refusal is thrown. One that gave no answer in time is not asked again for half a minute, unless
  /// there is a time limit of the request's own: then it may be somebody else who does not answer the server.
  @discardableResult
  func ask(
    _ request: some OutgoingRequest, at server: String, timeout: Duration? = nil
  ) async throws(AdminError) -> Command {
    let since = silent.withLock { $0[server] }
    if timeout == nil, let since, SystemClock.monotonic() < since + Self.silence {
      throw AdminError("\(server) gave no answer in time before and is not asked again so soon")
    }
    do throws(ClientError) {
      return try await messages.ask(request, at: server, timeout: timeout)
    } catch {
      if timeout == nil, error.code == .timedOut { silent.withLock { $0[server] = SystemClock.monotonic() } }
      throw AdminError(error)
    }
  }

  /// Asks a server for a JSON body.
  func ask<Body: JSONBody>(
    _ request: some OutgoingRequest, at server: String, timeout: Duration? = nil, for type: Body.Type
  ) async throws(AdminError) -> Body {
    try Self.read(type, try await ask(request, at: server, timeout: timeout), from: server)
  }

  /// Asks the name servers, one after the other, until one knows what is asked for; a refusal is thrown when none does.
  func askNameServer(_ request: some OutgoingRequest) async throws(AdminError) -> Command {
    do throws(ClientError) {
      return try await messages.askNameServer(request)
    } catch {
      throw AdminError(error)
    }
  }

  /// Asks the name servers for a JSON body, one after the other until one knows what is asked for, as `knows` tells by
  /// its body: one that has just started hears of brokers only when they register again. When none does the first
  /// answer counts.
  func askNameServer<Body: JSONBody>(
    _ request: some OutgoingRequest, for type: Body.Type, knows: (Body) -> Bool = { _ in true }
  ) async throws(AdminError) -> Body {
    let answer: Command
    do throws(ClientError) {
      answer = try await messages.askNameServer(request) { found in
        guard found.responseCode == .success else { return false }
        do throws(DecodeError) {
          return knows(try Body(bytes: found.body.rawSpan))
        } catch {
          return false
        }
      }
    } catch {
      throw AdminError(error)
    }
    return try Self.read(type, answer, from: "the name server")
  }

  /// How brokers refuse that do not know a member of a group: those that have just started hear of it with its next
  /// heartbeat.
  private static let unknowing: Set<ResponseCode> = [.consumerNotOnline, .systemError]

  /// Asks one broker after the other until one answers, or refuses for another reason than that it does not know a
  /// member of a group. Nil when none has an address; when none of several answers, why the last one does not is
  /// thrown.
  func firstAnswer<Answer: Sendable>(
    of brokers: [BrokerData], _ ask: (String) async throws(AdminError) -> Answer
  ) async throws(AdminError) -> Answer? {
    var failure: AdminError?
    for address in brokers.compactMap(\.preferredAddress) {
      do throws(AdminError) {
        return try await ask(address)
      } catch {
        if let code = error.code, !Self.unknowing.contains(code) { throw error }
        failure = error
      }
    }
    if let failure { throw failure }
    return nil
  }

  static func read<Body: JSONBody>(
    _ type: Body.Type, _ answer: Command, from server: String
  ) throws(AdminError) -> Body {
    do throws(DecodeError) {
      return try Body(bytes: answer.body.rawSpan)
    } catch {
      throw AdminError(error, from: server)
    }
  }

  /// Reads the fields of an answer.
  static func fields<Fields>(
    _ answer: Command, from server: String, _ read: (Command) throws(DecodeError) -> Fields
  ) throws(AdminError) -> Fields {
    do throws(DecodeError) {
      return try read(answer)
    } catch {
      throw AdminError(error, from: server)
    }
  }
}
