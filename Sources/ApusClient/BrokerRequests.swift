import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// What brokers ask of this client: handed to whoever serves the code, while the client runs. Java's clients serve 39,
/// 40, 220, 221, 307, 309 and 326; whoever can answer one of them says so here (``serve(_:_:)``).
///
/// At most 4,096 requests wait, and what waits and is being handled takes no more memory than `byteLimit`: further ones
/// are refused with SYSTEM_BUSY.
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

  /// How many requests are handled at once; a listener may be one's handler.
  private static let concurrency = 16
  /// How many requests wait at most.
  private static let waitingLimit = 4096

  /// Requests that wait to be handled.
  private let items: AsyncStream<Item>
  private let waiting: AsyncStream<Item>.Continuation
  private let handlers = Locked<[Int32: Handler]>([:])
  private let byteLimit: Int
  /// Bytes of requests that wait or are being handled.
  private let heldBytes = Locked(0)

  /// A request that alone is larger than `byteLimit`, in bytes, is never taken.
  init(byteLimit: Int = 64 << 20) {
    self.byteLimit = byteLimit
    (items, waiting) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingLimit))
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
    let command = Command(copying: request)
    let bytes = command.contentBytes
    guard take(bytes) else {
      let remark = "too many requests wait for this client: they may take \(byteLimit) bytes together"
      connection.send(Reply(.systemBusy, remark: remark), to: header)
      return .done
    }
    let item = Item(
      command: command, bytes: bytes, broker: connection.peer, loop: connection.loop, connection: connection.id)
    guard case .enqueued = waiting.yield(item) else {
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
    defer { giveBack(item.bytes) }
    let header = item.command.header
    guard let reply = await handler(of: RequestCode(header.code))?(item.command, item.broker) else { return }
    item.loop.execute { item.loop.connection(item.connection)?.send(reply, to: header) }
  }
}
