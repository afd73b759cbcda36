import ApusBase
import ApusModel
import ApusRemoting
import ApusSystem

/// The addresses of servers by their text. Names are looked up on a thread that may wait, once for all who ask; a name
/// with several addresses stands for each of them, one after the other as they fail. An address in numbers waits for no
/// look-up: brokers are most often named so, and must be reached while no DNS server answers.
final class AddressBook: Sendable {
  private struct Entry {
    /// The one that is used comes first.
    var addresses: [SocketAddress]
    var failures = 0
  }

  /// Told of each address and the name that led to it.
  typealias Listener = @Sendable (SocketAddress, String) -> Void
  /// Finds the addresses of a host, at least one, with a port.
  typealias Resolver = @Sendable (String, UInt16) throws(SystemError) -> [SocketAddress]

  private let known = Locked<[String: Entry]>([:])
  private let lookups = SharedLookups<String, [SocketAddress]>()
  private let threads: IOThreads
  private let resolve: Resolver
  private let found: Listener

  /// Looks names up with `resolve`, which may wait.
  init(
    threads: IOThreads,
    resolve: @escaping Resolver = { (host, port) throws(SystemError) in
      try SocketAddress.resolve(host, port: port)
    }, found: @escaping Listener = { _, _ in }
  ) {
    self.threads = threads
    self.resolve = resolve
    self.found = found
  }

  /// The address that `text`, `host:port`, stands for at present.
  func address(_ text: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> SocketAddress {
    if let first = known.withLock({ $0[text]?.addresses.first }) { return first }
    return try await addresses(text, by: deadline)[0]
  }

  /// All addresses of `text`, at least one, the best first.
  func addresses(_ text: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> [SocketAddress] {
    if let entry = known.withLock({ $0[text] }) { return entry.addresses }
    let (host, port) = try Self.parts(text)
    if let inNumbers = HostAddress(text) {
      let addresses = [SocketAddress(inNumbers)]
      keep(addresses, of: text, host)
      return addresses
    }
    return try await lookups.value(text, by: deadline) { [self] in
      let pending = PendingAnswer<Result<[SocketAddress], ClientError>>()
      let isAccepted = threads.submit { pending.resolve(self.lookUp(host, port)) }
      if !isAccepted { return .failure(ClientError(.busy, "too many names are being looked up")) }
      let answer = await pending.value(ifCancelled: .failure(.cancelled))
      if case .success(let addresses) = answer { keep(addresses, of: text, host) }
      return answer
    }
  }

  private func keep(_ addresses: [SocketAddress], of text: String, _ host: String) {
    for address in addresses { found(address, host) }
    known.withLock { $0[text] = Entry(addresses: addresses) }
  }

  /// An address cannot be reached, whatever its port: the next one of its name takes its place. When all have failed
  /// the name is looked up again.
  func failed(_ text: String, at address: SocketAddress) {
    known.withLock { known in
      guard var entry = known[text], entry.addresses.first?.host == address.host else { return }
      entry.addresses.append(entry.addresses.removeFirst())
      entry.failures += 1
      known[text] = entry.failures < entry.addresses.count ? entry : nil
    }
  }

  private static func parts(_ text: String) throws(ClientError) -> (host: String, port: UInt16) {
    if let parts = SocketAddress.parts(of: text) { return parts }
    throw ClientError(.invalidArgument, "'\(text)' is no address: it has the form host:port")
  }

  private func lookUp(_ host: String, _ port: UInt16) -> Result<[SocketAddress], ClientError> {
    do throws(SystemError) {
      return .success(try resolve(host, port))
    } catch {
      return .failure(ClientError(.unreachable, "the name \(host) cannot be looked up: \(error)", cause: error))
    }
  }
}

extension ClientError {
  /// The calling task was cancelled.
  static let cancelled = ClientError(.cancelled, "the task was cancelled before the answer came")
}
