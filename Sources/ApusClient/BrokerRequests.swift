import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// What brokers ask of this client: handed to whoever serves the code, while the client runs. Java's clients serve 39,
/// 40, 220, 221, 307, 309 and 326; whoever can answer one of them says so here (``serve(_:_:)``).
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

  /// How many requests are handled at once; a listener may be one's handler.
  private static let concurrency = 16

  /// Requests that wait to be handled.
  private let items: AsyncStream<Item>
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

  /// Who answers requests of this code.
  func handler(of code: RequestCode) -> Handler? { handlers.withLock { $0[code.rawValue] } }

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let header = request.header
    guard handler(of: request.code) != nil else {
      let remark = "the request code \(header.code) is not supported by this client"
      connection.send(Reply(.requestCodeNotSupported, remark: remark), to: header)
      return .done
    }
    waiting.yield(
      Item(
        command: Command(copying: request), broker: connection.peer, loop: connection.loop, connection: connection.id))
    return .done
  }

  /// Handles what comes, some at once, until the task is cancelled.
  func run() async {
    let limit = InFlightLimit(Self.concurrency)
    await withDiscardingTaskGroup { group in
      for await item in items {
        guard await limit.enter() else { return }
        group.addTask {
          defer { limit.leave() }
          await self.handle(item)
        }
      }
    }
  }

  private func handle(_ item: Item) async {
    let header = item.command.header
    guard let reply = await handler(of: RequestCode(header.code))?(item.command, item.broker) else { return }
    item.loop.execute { item.loop.connection(item.connection)?.send(reply, to: header) }
  }
}
