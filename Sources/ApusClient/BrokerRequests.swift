import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// What brokers ask of this client: handed to whoever serves the code, one after the other, while the client runs.
final class BrokerRequests: RemotingService {
  /// A request and the way back.
  struct Item: Sendable {
    let command: Command
    let broker: HostAddress
    let loop: EventLoop
    let connection: ConnectionID
  }

  /// Answers a request; nil for requests that are not answered.
  typealias Handler = @Sendable (Command, HostAddress) async -> Reply?

  /// Requests that wait to be handled, for the client's run.
  let items: AsyncStream<Item>
  private let waiting: AsyncStream<Item>.Continuation
  private let handlers = Locked<[Int32: Handler]>([:])

  init() {
    // A broker that asks faster than is answered gets no answer, and asks again.
    (items, waiting) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(4096))
  }

  /// From now on requests of this code are answered so.
  func serve(_ code: RequestCode, _ handler: @escaping Handler) {
    handlers.withLock { $0[code.rawValue] = handler }
  }

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let header = request.header
    guard handlers.withLock({ $0[header.code] }) != nil else {
      let remark = "the request code \(header.code) is not supported by this client"
      connection.send(Reply(.requestCodeNotSupported, remark: remark), to: header)
      return .done
    }
    waiting.yield(
      Item(
        command: Command(copying: request), broker: connection.peer, loop: connection.loop, connection: connection.id))
    return .done
  }

  /// Handles one request.
  func handle(_ item: Item) async {
    let header = item.command.header
    guard let handler = handlers.withLock({ $0[header.code] }),
      let reply = await handler(item.command, item.broker)
    else { return }
    item.loop.execute { item.loop.connection(item.connection)?.send(reply, to: header) }
  }
}
