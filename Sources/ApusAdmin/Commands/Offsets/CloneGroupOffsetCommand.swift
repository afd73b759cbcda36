import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `cloneGroupOffset`: a group begins where another one is.
struct CloneGroupOffsetCommand: AdminCommand {
  static let description = admin(
    "cloneGroupOffset", "Give a group the offsets that another one has in a topic.",
    options: [
      Option("srcGroup", "s", value: "GROUP", required: true, help: "The group that has them."),
      Option("destGroup", "d", value: "GROUP", required: true, help: "The group that gets them."),
      CommonOption.topic(),
      Option(
        "offline", "o", value: "true|false",
        help: "Let the brokers copy them, even for a topic that is not subscribed to."),
    ], destroys: "replace the offsets of the group")

  private let source: String
  private let target: String
  private let topic: String
  private let isOffline: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    source = try arguments.required("srcGroup")
    target = try arguments.required("destGroup")
    topic = try arguments.required("topic")
    isOffline = arguments.bool("offline") ?? false
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("replace the offsets of the group '\(target)' in the topic '\(topic)'")
    let client = session.client
    let route = try await client.route(of: topic)
    for broker in route.brokers {
      guard let address = broker.preferredAddress else { continue }
      if isOffline {
        try await client.cloneOffsets(from: source, to: target, topic: topic, isOffline: true, at: address)
        continue
      }
      for entry in try await client.progress(of: source, topic: topic, at: address).entries
      where entry.queue.topic == topic && entry.consumerOffset.rawValue >= 0 {
        try await client.commit(entry.consumerOffset.rawValue, of: entry.queue, for: target, at: address)
      }
    }
    session.say(
      "clone group offset success. srcGroup[\(source)], destGroup=[\(target)], topic[\(topic)]",
      ["srcGroup": .text(source), "destGroup": .text(target), "topic": .text(topic), "result": "cloned"])
  }
}
