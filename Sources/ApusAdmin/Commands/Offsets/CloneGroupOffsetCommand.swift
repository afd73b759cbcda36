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
    let addresses = try await session.client.route(of: topic).brokers.compactMap(\.preferredAddress)
    try await session.each(addresses) { address throws(AdminError) in
      try await clone(at: address, session.client)
    }
    session.say(
      "clone group offset success. srcGroup[\(source)], destGroup=[\(target)], topic[\(topic)]",
      ["srcGroup": .text(source), "destGroup": .text(target), "topic": .text(topic), "result": "cloned"])
  }

  private func clone(at address: String, _ client: AdminClient) async throws(AdminError) {
    guard !isOffline else {
      return try await client.cloneOffsets(from: source, to: target, topic: topic, isOffline: true, at: address)
    }
    for entry in try await client.progress(of: source, topic: topic, at: address).entries
    where entry.queue.topic == topic && entry.consumerOffset.rawValue >= 0 {
      try await client.commit(entry.consumerOffset.rawValue, of: entry.queue, for: target, at: address)
    }
  }
}
