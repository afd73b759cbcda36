import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Glibc
import Testing

/// A client with a blocking socket: it decides which bytes leave when, and whether it reads.
final class RawClient {
  let descriptor: Int32
  private var received: [UInt8] = []
  private var lastID: Int32 = 0

  init(port: UInt16, receiveBuffer: Int32 = 0) throws {
    descriptor = try Socket.connect(to: .loopback(port: port))
    try Socket.resizeBuffers(descriptor, send: 0, receive: receiveBuffer)
    // Blocking from here on, bounded so that a fault fails the test instead of holding it up.
    let flags = fcntl(descriptor, F_GETFL, 0)
    _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK)
    var limit = timeval(tv_sec: Int(Patience.limit.components.seconds), tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { Socket.close(descriptor) }

  /// Sends bytes as they are.
  func send(bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = Socket.send(descriptor, bytes.rawSpan.extracting(sent..<bytes.count))
      guard count > 0 else { return }
      sent += count
    }
  }

  /// Sends a request without waiting for its answer.
  @discardableResult
  func send(
    _ code: RequestCode, _ fields: [ReplyField]? = nil, body: [UInt8] = [], oneway: Bool = false,
    type: HeaderType = .json
  ) -> RequestID {
    lastID += 1
    let header = CommandHeader(code: code.rawValue, id: RequestID(lastID), flag: oneway ? 2 : 0, type: type)
    send(Command(header: header, fields: fields, body: body))
    return header.id
  }

  func send(_ command: Command) {
    var output = ByteWriter()
    command.encode(into: &output)
    send(bytes: output.array)
  }

  /// The next command; nil when the broker has closed, or says nothing for a long time.
  func receive() throws -> Command? {
    while true {
      if let command = try RawClient.takeFrame(&received) { return command }
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Socket.receive(descriptor, into: $0) }
      if count <= 0 { return nil }
      received.append(contentsOf: buffer[..<count])
    }
  }

  private static func takeFrame(_ bytes: inout [UInt8]) throws -> Command? {
    guard let length = try Frame.length(of: bytes.rawSpan), bytes.count >= length else { return nil }
    let command = try Command(frame: bytes.rawSpan.extracting(0..<length))
    bytes.removeFirst(length)
    return command
  }

  /// Sends a request and waits for the next answer, which has to be its own. What the broker asks meanwhile is passed
  /// over.
  func ask(
    _ code: RequestCode, _ fields: [ReplyField]? = nil, body: [UInt8] = [], type: HeaderType = .json
  ) throws -> Command {
    let id = send(code, fields, body: body, type: type)
    var answer = try #require(try receive())
    while !answer.header.isResponse { answer = try #require(try receive()) }
    #expect(answer.header.id == id)
    #expect(answer.header.type == type)
    return answer
  }
}

/// Fields of the requests that tests make.
enum Fields {
  /// A send of the second version.
  static func send(
    to topic: String, queue: Int32 = 0, properties: String? = nil, batch: String? = nil, sysFlag: Int = 0
  ) -> [ReplyField] {
    var fields = [
      ReplyField("a", "pg"), ReplyField("b", topic), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", Int64(queue)), ReplyField("f", Int64(sysFlag)), ReplyField("g", 1_795_219_489_633),
      ReplyField("h", 7), ReplyField("j", 0),
    ]
    if let properties { fields.append(ReplyField("i", properties)) }
    if let batch { fields.append(ReplyField("m", batch)) }
    return fields
  }

  /// The same send with the names of the first version.
  static func long(_ fields: [ReplyField]) -> [ReplyField] {
    let names = [
      "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
      "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes", "m": "batch",
    ]
    return fields.map { ReplyField(names[$0.name] ?? $0.name, $0.value) }
  }

  /// A pull; `wait` in milliseconds, zero for not waiting. Without an expression the heartbeats' one counts.
  static func pull(
    _ topic: String, queue: Int32 = 0, at offset: Int64, group: String = "cg", expression: String? = "*",
    wait: Int64 = 0, max: Int64 = 32, version: Int64 = 0, commit: Int64? = nil
  ) -> [ReplyField] {
    let flags = (commit == nil ? 0 : 1) | (wait > 0 ? 2 : 0) | (expression == nil ? 0 : 4)
    var fields = [
      ReplyField("consumerGroup", group), ReplyField("topic", topic), ReplyField("queueId", Int64(queue)),
      ReplyField("queueOffset", offset), ReplyField("maxMsgNums", max), ReplyField("sysFlag", Int64(flags)),
      ReplyField("commitOffset", commit ?? 0), ReplyField("suspendTimeoutMillis", wait),
      ReplyField("subVersion", version), ReplyField("expressionType", "TAG"),
    ]
    if let expression { fields.append(ReplyField("subscription", expression)) }
    return fields
  }

  static func queue(_ topic: String, _ queue: Int32 = 0) -> [ReplyField] {
    [ReplyField("topic", topic), ReplyField("queueId", Int64(queue))]
  }
}
