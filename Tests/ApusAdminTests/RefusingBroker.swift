import ApusProtocol
import ApusRemoting
import ApusSystem

/// A broker that refuses everything, and counts by code what it is asked for.
final class RefusingBroker {
  private final class Service: RemotingService {
    let counts = Locked<[RequestCode: Int]>([:])

    func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
      let code = request.code
      counts.withLock { $0[code, default: 0] += 1 }
      connection.send(Reply(.noPermission, remark: "refused"), to: request.header)
      return .done
    }
  }

  /// Where it listens, `host:port`.
  let address: String
  private let service = Service()
  private let loop: ServerLoop

  init() throws {
    loop = try ServerLoop(index: 5, name: "test-refusing")
    address = try loop.start(service)
  }

  /// How many requests of a code have come.
  func count(of code: RequestCode) -> Int { service.counts.withLock { $0[code] ?? 0 } }

  func stop() { loop.stop() }
}
