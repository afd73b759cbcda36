import ApusHTTP
import ApusSystem

/// A web server that tells where name servers are: the answer's first line lists them, separated by semicolons. It is
/// asked when neither the settings nor the environment name any, and again every two minutes.
public struct AddressServer: Hashable, Sendable {
  /// What is asked for, without the unit.
  public let url: String

  /// Asks at any address: `http://host[:port]/path`. Another kind makes ``MessageClient/init(_:)`` throw.
  public init(url: String) { self.url = url }

  /// Asks as Java's clients do: `domain` is `rocketmq.namesrv.domain`, a host (port 8080) or `host:port`; `subgroup` is
  /// `rocketmq.namesrv.domain.subgroup`.
  public init(domain: String = "jmenv.tbsite.net", subgroup: String = "nsaddr") {
    url = "http://\(domain.contains(":") ? domain : domain + ":8080")/rocketmq/\(subgroup)"
  }

  /// The address for clients of a unit, which has servers of its own.
  func url(unit: String) throws(ClientError) -> HTTPURL {
    do throws(HTTPURL.Fault) {
      return try HTTPURL(unit.isEmpty ? url : "\(url)-\(unit)?nofix=1")
    } catch {
      throw ClientError(.invalidArgument, "the address server cannot be used: \(error)", cause: error)
    }
  }
}

/// Asks an address server.
struct AddressServerQuery: Sendable {
  let url: HTTPURL
  let book: AddressBook
  let loop: EventLoop
  let timeout: Duration

  /// The name servers, at least one.
  func run() async throws(ClientError) -> [String] {
    let host = "\(url.host):\(url.port)"
    let address = try await book.address(host)
    let pending = PendingAnswer<Result<HTTPAnswer, HTTPFetchError>>()
    HTTPFetch.get(url, from: address, on: loop, timeout: timeout) { pending.resolve($0) }
    switch await pending.value(ifCancelled: .failure(HTTPFetchError("the task was cancelled"))) {
    case .failure(let error):
      book.failed(host, at: address)
      throw refusal("\(error)", cause: error)
    case .success(let answer):
      guard answer.status == 200 else { throw refusal("it answered with status \(answer.status)") }
      let found = NameServers.parse(Self.firstLine(answer.body))
      guard !found.isEmpty else { throw refusal("its answer names no server") }
      return found
    }
  }

  private static func firstLine(_ body: [UInt8]) -> String {
    let text = body.drop { $0 <= UInt8(ascii: " ") }
    return String(decoding: text.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  private func refusal(_ reason: String, cause: (any Error)? = nil) -> ClientError {
    ClientError(.noNameServer, "the address server gave no name servers: \(reason)", server: "\(url)", cause: cause)
  }
}
