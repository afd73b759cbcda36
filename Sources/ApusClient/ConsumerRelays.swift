import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem

/// A consumer as its client knows it.
protocol ConsumerMember: AnyObject, Sendable {
  /// What brokers are told of it.
  var heartbeat: ConsumerData { get }
  /// For how long a listener may go on when the consumer ends.
  var terminationTime: Duration { get }
  /// Shares the queues out anew, soon.
  func rebalanceNow()
  /// Ends its run, as if its task were cancelled: its client ends.
  func end()
  /// Goes on elsewhere in those of its queues that are named.
  func reset(_ offsets: [MessageQueue: Int64]) async
  /// Up to where its queues of a topic are consumed.
  func progress(in topic: String) -> [MessageQueue: Int64]
  /// How it is doing.
  var runningInfo: ConsumerRunningInfo { get }
  /// Consumes a message now, outside of all queues; nil when there is no listener to do it.
  func consumeDirectly(_ message: ReceivedMessage) async -> DirectConsumption?
}

extension ClientError {
  /// A consumer is to run a second time.
  static let ranBefore = ClientError(
    .invalidArgument, "the consumer has run already", advice: "Make a new one of the same group.")
}

/// Answers what brokers ask of consumers, on their own account or for a tool.
struct ConsumerRelays: Sendable {
  /// The consumer of a group, its namespace included.
  let consumer: @Sendable (String) -> (any ConsumerMember)?
  let log: Logger

  /// Serves codes 40, 220, 221, 307 and 309 from now on.
  func register(with requests: BrokerRequests) {
    requests.serve(.notifyConsumerIDsChanged) { command, _ in
      consumer(command["consumerGroup"] ?? "")?.rebalanceNow()
      return nil
    }
    requests.serve(.resetConsumerClientOffset) { command, _ in
      await reset(command)
      return nil
    }
    requests.serve(.getConsumerStatusFromClient) { command, _ in
      let offsets = consumer(command["group"] ?? "")?.progress(in: command["topic"] ?? "") ?? [:]
      let entries = offsets.sorted { $0.key < $1.key }.map { QueueOffsets.Entry($0.key, $0.value) }
      return Reply(body: ConsumerStatusBody(queues: QueueOffsets(entries)).bytes())
    }
    requests.serve(.getConsumerRunningInfo) { command, _ in
      guard let found = consumer(command["consumerGroup"] ?? "") else { return Self.unknown(command) }
      return Reply(body: found.runningInfo.bytes())
    }
    requests.serve(.consumeMessageDirectly) { command, broker in await consumeDirectly(command, broker) }
  }

  private static func unknown(_ command: Command) -> Reply {
    Reply(
      .systemError, remark: "The Consumer Group <\(command["consumerGroup"] ?? "")> not exist in this consumer")
  }

  private func reset(_ command: Command) async {
    let (topic, group) = (command["topic"] ?? "", command["group"] ?? "")
    guard let found = consumer(group) else {
      return log.warning("client", "offsets of a group that is not here are not reset", ["group": group])
    }
    do throws(DecodeError) {
      let entries = try ResetOffsetBody(bytes: command.body).offsets.entries.filter { $0.queue.topic == topic }
      await found.reset(Dictionary(entries.map { ($0.queue, $0.offset) }) { _, last in last })
      log.info("client", "offsets were reset by a broker", ["group": group, "topic": topic])
    } catch {
      log.warning("client", "offsets cannot be reset", ["group": group, "topic": topic, "cause": error])
    }
  }

  private func consumeDirectly(_ command: Command, _ broker: HostAddress) async -> Reply {
    guard let found = consumer(command["consumerGroup"] ?? "") else { return Self.unknown(command) }
    var reason: DecodeError?
    let read = ReceivedMessage.read(command.body.rawSpan, broker: command["brokerName"] ?? "\(broker)") {
      reason = $0
    }
    guard let message = read.messages.first else {
      return Reply(.systemError, remark: "the message cannot be read" + (reason.map { ": \($0)" } ?? ""))
    }
    guard let outcome = await found.consumeDirectly(message) else { return Self.unknown(command) }
    return Reply(body: outcome.bytes())
  }
}

extension ConsumerRunningInfo {
  /// Properties that every consumer has; `settings` are its own, by Java's names.
  static func properties(
    of runtime: ClientRuntime, startTime: WallTime, type: ConsumeType, settings: [String: String]
  ) -> [String: String] {
    let configuration = runtime.configuration
    let common = [
      PropertyName.nameServers: runtime.nameServers.all.map { $0 + ";" }.joined(),
      PropertyName.consumeType: type.rawValue, PropertyName.clientVersion: "V4_9_8",
      PropertyName.startTime: "\(startTime.milliseconds)", "unitMode": "\(configuration.unitMode)",
    ]
    return common.merging(settings) { _, own in own }
  }
}
