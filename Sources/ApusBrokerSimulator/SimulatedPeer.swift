import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem

/// A client's connection: frames out, answers and the broker's own requests in. It never waits; ``poll()`` hands on
/// what has come.
///
/// **Faults of the network.** An answer may be lost, which the client takes for no answer at all, and a request may be
/// sent twice, of which the first answer counts.
final class SimulatedPeer {
  /// Hears an answer; nil when none will come.
  typealias Completion = (Command?) -> Void

  /// Called for what the broker asks or tells.
  var onRequest: (Command) -> Void = { _ in }
  /// Changes what is sent or answered: a broker with a mistake, for canaries.
  var tamper: Tampering?
  /// The name for messages.
  let name: String
  private let descriptor: Int32
  private var received: [UInt8] = []
  private var waiting: [Int32: Completion] = [:]
  private var unsent: [UInt8] = []
  private var lastID: Int32 = 0
  private(set) var isOpen = true
  private let faults: NetworkFaults

  /// Takes the descriptor over.
  init(_ descriptor: Int32, name: String, faults: NetworkFaults) {
    self.descriptor = descriptor
    self.name = name
    self.faults = faults
  }

  deinit { Socket.close(descriptor) }

  /// How many answers are waited for.
  var waitingCount: Int { waiting.count }

  /// Asks the broker. Returns how often the request was sent: one that `isRepeatable` may come twice.
  @discardableResult
  func ask(
    _ code: RequestCode, _ fields: [ReplyField], body: [UInt8] = [], isRepeatable: Bool = true,
    then completion: @escaping Completion
  ) -> Int {
    var fields = fields
    if let answer = tamper?.request(code, &fields) {
      completion(answer)
      return 0
    }
    lastID += 1
    let header = CommandHeader(code: code.rawValue, id: RequestID(lastID))
    waiting[lastID] = { [tamper] answer in
      guard let answer, let tamper else { return completion(answer) }
      completion(tamper.answer(code, fields, body, answer))
    }
    let command = Command(header: header, fields: fields, body: body)
    send(command)
    guard isRepeatable, faults.repeatsRequest() else { return 1 }
    send(command)
    return 2
  }

  /// Says that a client is of a group, whose members consume all messages of some topics.
  func heartbeat(_ clientID: String, group: String, topics: some Sequence<String>) {
    let data = ConsumerData(
      group: group, consumeType: .passively, messageModel: .clustering, consumeFromWhere: .firstOffset,
      subscriptions: topics.sorted().map {
        SubscriptionData(topic: $0, expression: "*", expressionType: "TAG", version: 1)
      })
    ask(.heartbeat, [], body: HeartbeatData(clientID: clientID, consumers: [data]).bytes()) { _ in }
  }

  /// Answers what the broker asked.
  func answer(_ question: Command, _ code: ResponseCode) { send(Command(header: question.header.answer(code))) }

  private func send(_ command: Command) {
    var output = ByteWriter()
    command.encode(into: &output)
    unsent += output.array
    flush()
  }

  private func flush() {
    while isOpen, !unsent.isEmpty {
      let bytes = unsent
      let count = Socket.send(descriptor, bytes.rawSpan)
      if count > 0 { unsent.removeFirst(count) } else { return }
    }
  }

  /// Hands on what has come. Returns whether anything has.
  @discardableResult
  func poll() throws -> Bool {
    flush()
    var hasRead = false
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while isOpen {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Socket.receive(descriptor, into: $0) }
      if count > 0 {
        received += buffer[..<count]
        hasRead = true
      } else {
        if !Socket.wouldBlock(count) { drop() }
        break
      }
    }
    while let command = try takeFrame() {
      guard command.header.isResponse else {
        onRequest(command)
        continue
      }
      // The second answer to a request that was sent twice finds nobody.
      guard let completion = waiting.removeValue(forKey: command.header.id.rawValue) else { continue }
      completion(faults.losesAnswer() ? nil : command)
    }
    return hasRead
  }

  private func takeFrame() throws -> Command? {
    let bytes = received
    guard let length = try Frame.length(of: bytes.rawSpan), bytes.count >= length else { return nil }
    received.removeFirst(length)
    return try Command(frame: bytes.rawSpan.extracting(0..<length))
  }

  /// The connection is gone: nobody will answer.
  func drop() {
    guard isOpen else { return }
    isOpen = false
    let left = waiting.sorted { $0.key < $1.key }
    waiting = [:]
    for (_, completion) in left { completion(nil) }
  }
}
