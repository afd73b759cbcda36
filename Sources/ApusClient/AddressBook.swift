import ApusSystem

/// The addresses of servers by their text. Names are looked up once, on a thread that may wait.
final class AddressBook: Sendable {
  private let known = Locked<[String: SocketAddress]>([:])
  private let threads: IOThreads

  init(threads: IOThreads) { self.threads = threads }

  /// The address that `text`, `host:port`, stands for.
  func address(_ text: String) async throws(ClientError) -> SocketAddress {
    if let found = known.withLock({ $0[text] }) { return found }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      throw ClientError(.invalidArgument, "'\(text)' is no address: it has the form host:port")
    }
    let host = String(text[..<colon])
    let pending = PendingAnswer<Result<SocketAddress, ClientError>>()
    let isAccepted = threads.submit { pending.resolve(Self.resolve(host, port)) }
    if !isAccepted { throw ClientError(.busy, "too many names are being looked up") }
    let answer = await pending.value(ifCancelled: .failure(.cancelled))
    let found = try answer.get()
    known.withLock { $0[text] = found }
    return found
  }

  /// Looks a name up again the next time.
  func forget(_ text: String) { known.withLock { $0[text] = nil } }

  private static func resolve(_ host: String, _ port: UInt16) -> Result<SocketAddress, ClientError> {
    do throws(SystemError) {
      guard let first = try SocketAddress.resolve(host, port: port).first else {
        return .failure(ClientError(.unreachable, "the name \(host) has no address"))
      }
      return .success(first)
    } catch {
      return .failure(ClientError(.unreachable, "the name \(host) cannot be looked up: \(error)", cause: error))
    }
  }
}

extension ClientError {
  /// The calling task was cancelled.
  static let cancelled = ClientError(.cancelled, "the task was cancelled before the answer came")
}
