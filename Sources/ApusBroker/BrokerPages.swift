package import ApusHTTP
package import ApusRemoting
import ApusStore
package import ApusSystem
import Synchronization

/// What a broker serves over HTTP: `/metrics` for Prometheus, `/healthz` (the process answers) and `/readyz` (messages
/// are accepted; else 503 with the reason).
package final class BrokerPages: HTTPService {
  private let metrics: MetricsPage
  private let store: SharedStore
  private let io: IOThreads
  private let program = Locked<Program?>(nil)
  private let isLeaving = Atomic(false)
  /// Scrapes that have not been answered yet.
  private let underWay = Atomic(0)
  /// No more scrapes than this are under way, so that they leave room on the threads that requests need too.
  private static let scrapeLimit = 2

  /// What the broker runs in.
  private struct Program: Sendable {
    var server: RemotingServer
    var version: String
  }

  /// Takes its parts; pages that wait for the device are made on `io`.
  package init(metrics: MetricsPage, store: SharedStore, io: IOThreads) {
    self.metrics = metrics
    self.store = store
    self.io = io
  }

  /// From now on the page tells the connections and budgets of this server, and the version of the program.
  package func join(_ server: RemotingServer, version: String) {
    program.withLock { $0 = Program(server: server, version: version) }
  }

  /// The broker is stopping: it is no longer ready.
  package func leave() { isLeaving.store(true, ordering: .releasing) }

  package func answer(_ request: HTTPRequest, _ completion: @escaping @Sendable (HTTPResponse) -> Void) {
    switch request.path {
    case "/healthz": completion(HTTPResponse(.ok, "alive"))
    case "/readyz":
      let isLeaving = isLeaving.load(ordering: .acquiring)
      completion(isLeaving ? HTTPResponse(.unavailable, "the broker is stopping") : Self.readiness(of: store))
    case "/metrics": scrape(completion)
    default: completion(HTTPResponse(.notFound, "served here: /metrics, /healthz, /readyz"))
    }
  }

  /// Whether a store accepts messages, else why not.
  static func readiness(of store: SharedStore) -> HTTPResponse {
    switch store.withLock({ $0.refusal }) {
    case nil: return HTTPResponse(.ok, "ready")
    case .diskFull: return HTTPResponse(.unavailable, "the disk is full")
    case .exhausted: return HTTPResponse(.unavailable, "too many files are open")
    case .failed(let error): return HTTPResponse(.unavailable, "the store failed and needs a restart: \(error)")
    case .closed: return HTTPResponse(.unavailable, "the store is closed")
    case .tooLarge, .deletionUnrecorded: preconditionFailure("a store does not refuse before it knows the message")
    }
  }

  private func scrape(_ completion: @escaping @Sendable (HTTPResponse) -> Void) {
    guard underWay.add(1, ordering: .relaxed).newValue <= Self.scrapeLimit else {
      underWay.subtract(1, ordering: .relaxed)
      return completion(HTTPResponse(.unavailable, "other scrapes are under way"))
    }
    let accepted = io.submit { [self] in
      let program = program.withLock { $0 }
      let page = metrics.render(program?.server, version: program?.version)
      underWay.subtract(1, ordering: .relaxed)
      completion(HTTPResponse(.ok, contentType: MetricsText.contentType, body: page))
    }
    if !accepted {
      underWay.subtract(1, ordering: .relaxed)
      completion(HTTPResponse(.unavailable, "too many requests wait for the disk"))
    }
  }
}
