import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// What brokers ask of this client: handed to whoever serves the code, while the client runs. Java's clients serve 39,
/// 40, 220, 221, 307, 309 and 326; whoever can answer one of them says so here (``serve(_:_:)``).
///
/// The application's own code has a part in some answers and may take any time over them. These requests stand in a
/// line of their own, so that what this client does by itself, as taking replies, does not wait for them.
///
/// At most 4,096 requests wait in either line, and what waits and is being handled takes no more memory than
/// `byteLimit`: further ones are refused with SYSTEM_BUSY.
final class BrokerRequests: RemotingService {
  /// A request and the way back.
  struct Item: Sendable {
    let command: Command
    /// What it takes of the limit.
    let bytes: Int
    let broker: HostAddress
    let loop: EventLoop
    let connection: ConnectionID
  }

  /// Answers a request; nil for requests that are not answered.
  typealias Handler = @Sendable (Command, HostAddress) async -> Reply?

  /// Requests that wait to be handled, in the order in which they came.
  private struct Line: Sendable {
    let items: AsyncStream<Item>
    let waiting: AsyncStream<Item>.Continuation

    init() { (items, waiting) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(BrokerRequests.waitingLimit)) }
  }

  /// How many requests of a line are handled at once.
  private static let concurrency = 16
  /// How many requests wait at most in a line.
  private static let waitingLimit = 4096
  /// What is answered by a check of a transaction, or by a listener.
  private static let applicationCodes: Set<RequestCode> = [.checkTransactionState, .consumeMessageDirectly]

  private let own = Line()
  private let application = Line()
  private let handlers = Locked<[Int32: Handler]>([:])
  private let watcher = Locked<(@Sendable (HostAddress) -> Void)?>(nil)
  private let byteLimit: Int
  /// Bytes of requests that wait or are being handled.
  private let heldBytes = Locked(0)

  /// A request that alone is larger than `byteLimit`, in bytes, is never taken.
  init(byteLimit: Int = 64 << 20) { self.byteLimit = byteLimit }

  /// From now on requests of this code are answered so.
  func serve(_ code: RequestCode, _ handler: @escaping Handler) {
    handlers.withLock { $0[code.rawValue] = handler }
  }

  /// Who answers requests of this code.
  func handler(of code: RequestCode) -> Handler? { handlers.withLock { $0[code.rawValue] } }

  /// From now on `told` is told of each server to which a connection has been closed.
  func watchClosing(_ told: @escaping @Sendable (HostAddress) -> Void) { watcher.withLock { $0 = told } }

  func connectionClosed(_ connection: Connection) {
    let told = watcher.withLock { $0 }
    told?(connection.peer)
  }

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let header = request.header
    guard handler(of: request.code) != nil else {
      let remark = "the request code \(header.code) is not supported by this client"
      connection.send(Reply(.requestCodeNotSupported, remark: remark), to: header)
      return .done
    }
    let command = Command(copying: request)
    let bytes = command.contentBytes
    guard take(bytes) else {
      let remark = "too many requests wait for this client: they may take \(byteLimit) bytes together"
      connection.send(Reply(.systemBusy, remark: remark), to: header)
      return .done
    }
    let item = Item(
      command: command, bytes: bytes, broker: connection.peer, loop: connection.loop, connection: connection.id)
    let line = Self.applicationCodes.contains(request.code) ? application : own
    guard case .enqueued = line.waiting.yield(item) else {
      giveBack(bytes)
      let remark = "too many requests wait for this client: there may be \(Self.waitingLimit)"
      connection.send(Reply(.systemBusy, remark: remark), to: header)
      return .done
    }
    return .done
  }

  private func take(_ bytes: Int) -> Bool {
    heldBytes.withLock { held in
      guard bytes <= byteLimit - held else { return false }
      held += bytes
      return true
    }
  }

  private func giveBack(_ bytes: Int) { heldBytes.withLock { $0 -= bytes } }

  /// Handles what comes until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      for line in [own, application] { group.addTask { await self.run(line) } }
    }
  }

  private func run(_ line: Line) async {
    let limit = InFlightLimit(Self.concurrency)
    await withDiscardingTaskGroup { group in
      for await item in line.items {
        guard await limit.enter() else { return }
        group.addTask {
          defer { limit.leave() }
          await self.handle(item)
        }
      }
    }
  }

  private func handle(_ item: Item) async {
    defer { giveBack(item.bytes) }
    let header = item.command.header
    guard let reply = await handler(of: RequestCode(header.code))?(item.command, item.broker) else { return }
    item.loop.execute { item.loop.connection(item.connection)?.send(reply, to: header) }
  }
}
