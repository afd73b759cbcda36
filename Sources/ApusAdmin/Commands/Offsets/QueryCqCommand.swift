import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `queryCq`: units of a queue as they lie in its file, and whether a group wants their messages.
struct QueryCqCommand: AdminCommand {
  static let description = admin(
    "queryCq", "Show units of a consume queue.",
    options: [
      CommonOption.topic(), Option("queue", "q", value: "N", required: true, help: "The queue."),
      Option("index", "i", value: "N", required: true, help: "The first unit."),
      Option("count", "c", value: "N", help: "How many (10)."),
      Option("broker", "b", value: "HOST:PORT", help: "The broker (the first one of the topic)."),
      Option("consumer", "g", value: "GROUP", help: "Say whether this group wants the messages."),
    ])

  private let topic: String
  private let queueID: Int32
  private let index: Int64
  private let count: Int32
  private let broker: String?
  private let group: String?

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    queueID = try arguments.integer("queue", in: 0...Int32.max) ?? 0
    index = try arguments.integer("index", in: 0...Int64.max) ?? 0
    count = try arguments.integer("count", in: 1...10_000) ?? 10
    broker = arguments.trimmed("broker")
    group = arguments.trimmed("consumer")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    var address = broker ?? ""
    if address.isEmpty {
      guard let master = try await session.client.route(of: topic).brokers.first?.masterAddress else {
        throw AdminError("the topic '\(topic)' has no master; say which broker with -b")
      }
      address = master
    }
    let queue = MessageQueue(topic: topic, brokerName: "", queueID: queueID)
    let dump = try await session.client.queueUnits(of: queue, from: index, count: count, for: group, at: address)
    guard !session.isJSON else { return session.show(dump.json, as: "") }
    let rule = String(repeating: "=", count: 38)
    if let subscription = dump.subscription {
      session.say("Subscription data: \n\(subscription.json.text(.pretty))\n\(rule)")
    }
    if let filter = dump.filter { session.say("Filter data: \n\(filter)\n\(rule)") }
    session.say("Queue data: \nmax: \(dump.maxIndex), min: \(dump.minIndex)\n\(rule)")
    for (step, entry) in dump.entries.enumerated() {
      session.say("idx: \(index.clampedAdding(Int64(step)))\n\(entry.javaText)\n\(rule)")
    }
  }
}

extension ConsumeQueueDump.Entry {
  /// A unit as Java prints it.
  fileprivate var javaText: String {
    "ConsumeQueueData{physicOffset=\(offset), physicSize=\(size), tagsCode=\(tagsCode),"
      + " extendDataJson='\(unit ?? "null")', bitMap='\(bitMap ?? "null")', eval=\(isWanted), msg='\(fault ?? "null")'}"
  }
}
